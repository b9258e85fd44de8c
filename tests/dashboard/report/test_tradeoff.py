"""The trade-off table: formula always, times only where this machine has measured them."""

from dataclasses import replace

import pytest

from dashboard.data import decode_rows as tables
from dashboard.report.quality_tables import published_table
from dashboard.report.tradeoff import answer, tradeoff_table
from tests.dashboard.example_settings import SIZE
from tests.records import fake_records as samples

CHOICE = replace(SIZE, n_layers=4, kv_format="bf16")


def test_times_are_open_where_nothing_is_measured():
    table = tradeoff_table(CHOICE, [], {}).frame().set_index("Variant")
    assert list(table.index) == ["MHA", "GQA", "MQA", "MLA"]
    assert table["One read here, predicted (ms)"].isna().all()
    assert table["Attend here, measured (ms)"].isna().all()
    assert table.loc["GQA", "Cache (GiB)"] == 4 * 64 * 2 * 2 * 16 * 2 / 2**30
    assert table["Quality, by the lecture"].tolist()[:3] == ["best", "middle", "worst"]


def test_the_read_is_predicted_by_the_probed_bandwidth_and_attend_is_as_measured():
    rows = tables.decode_rows(
        [samples.record(attend=samples.around(0.002, low=0.0019, high=0.0021, median=0.003))]
    )
    table = tradeoff_table(CHOICE, rows, {}).frame().set_index("Variant")
    # 4 layers x 64 tokens x 2 x 2 heads x 16 x 2 B over 32,768,000 B/s
    assert table.loc["GQA", "One read here, predicted (ms)"] == pytest.approx(1.0)
    assert table.loc["GQA", "Attend here, measured (ms)"] == 2.0
    assert table.loc["GQA", "Measured with"] == "1 layer, float32, packed"
    assert table["Attend here, measured (ms)"].isna().sum() == 3
    newer = samples.record(attend=samples.UNUSABLE, created_at="2026-11-24T20:00:00+00:00")
    both = tradeoff_table(CHOICE, [*rows, *tables.decode_rows([newer])], {}).frame()
    assert both["Attend here, measured (ms)"].dropna().tolist() == [2.0]
    unusable = tradeoff_table(CHOICE, tables.decode_rows([newer]), {}).frame()
    assert unusable["Attend here, measured (ms)"].isna().all()


def test_the_published_rows_are_the_gqa_paper_s():
    table = published_table().frame().set_index("Model")
    assert table.loc["T5 XXL with GQA of 8 K/V heads"].tolist()[:2] == [0.28, 47.1]
    assert table["Source"].str.contains("2305.13245").all()
    assert len(table) == 4


def test_the_answer_is_one_line_with_every_variant():
    line = answer(CHOICE)
    assert line.startswith("At 64 tokens MHA keeps 128.00 KiB; GQA 32.00 KiB (4x smaller), MQA")
    assert "\n" not in line


def test_the_small_model_s_loss_stands_beside_the_claim_for_the_nearest_sharing():
    losses = {8: 1.40, 4: 1.45, 2: 1.55, 1: 1.60}
    # 4 queries per K/V head
    table = tradeoff_table(CHOICE, [], losses).frame().set_index("Variant")
    loss, model = "Small model's loss (nats)", "Small model's K/V heads"
    assert table[loss].tolist()[:3] == [1.40, 1.55, 1.60]
    assert table.loc["GQA", model] == "2 of 8"
    assert table.loc["MQA", model] == "1 of 8"
    assert table.loc["MLA", [loss, model]].isna().all()
    halved = tradeoff_table(replace(CHOICE, n_kv_heads=4), [], losses).frame().set_index("Variant")
    assert halved.loc["GQA", model] == "4 of 8"
    assert tradeoff_table(CHOICE, [], {}).frame()[loss].isna().all()


def test_tables_of_one_paper_are_kept_apart():
    columns = ["BBH score", "MMLU score", "C-Eval score", "CMMLU score"]
    dense, mixture = (published_table(f"DeepSeek-V2 report, Table {n}").frame() for n in (8, 9))
    for table in (dense, mixture):
        assert list(table) == ["Model", *columns, "Source"]
    assert dense.set_index("Model").loc["7B dense with MQA", columns].tolist() == [
        33.2,
        37.9,
        30.0,
        34.6,
    ]
    assert not dense["Model"].str.contains("MLA").any()
    assert not mixture["Model"].str.contains("GQA").any()
