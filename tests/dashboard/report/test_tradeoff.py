"""The trade-off table: four rows, at most five columns, and nothing compared that is not alike."""

from dataclasses import replace

import pytest

from dashboard.report.quality_tables import published_table
from dashboard.report.tradeoff import answer, tradeoff_caption, tradeoff_table
from tests.dashboard.data.test_gpu_fill import H100, on_h100
from tests.dashboard.example_settings import SIZE

CHOICE = replace(SIZE, n_layers=4, kv_format="bf16")
LOSSES = {8: 1.40, 4: 1.45, 2: 1.55, 1: 1.60}


def frame(settings=CHOICE, weight_bytes=10**9, losses=LOSSES):
    plan = on_h100(settings, weight_bytes)
    return tradeoff_table(settings, plan, losses).frame().set_index("Variant")


def test_four_rows_and_five_columns_by_formula():
    table = frame()
    assert list(table.index) == ["MHA", "GQA", "MQA", "MLA"]
    assert len(table.columns) == 4
    n_bytes = 4 * 64 * 2 * 2 * 16 * 2  # layers, tokens, K/V heads, K and V, width, bf16
    assert table.loc["GQA", "Cache (GB)"] == n_bytes / 1e9
    seconds = n_bytes / H100.bandwidth_bytes_per_s
    assert table.loc["GQA", "Reading, at least (ms)"] == pytest.approx(seconds * 1e3)
    plan = on_h100(CHOICE, 10**9)
    users = plan.deployments["GQA"].max_sequences(64)
    assert table.loc["GQA", "Users that fit"] == users > 0


def test_users_are_open_where_the_weights_are_not_known_and_reading_is_not():
    table = frame(weight_bytes=None)
    assert table["Users that fit"].isna().all()
    assert table["Reading, at least (ms)"].notna().all()


def test_reading_is_open_for_a_gpu_of_which_no_bandwidth_is_known():
    plan = replace(on_h100(CHOICE, 10**9), gpu="80 GB GPU")
    assert tradeoff_table(CHOICE, plan, {}).frame()["Reading, at least (ms)"].isna().all()


def test_quality_says_whose_it_is():
    quality = frame()["Quality"]
    # 4 queries per K/V head, as 2 of the small model's 8 have
    assert quality["GQA"] == "middle, by the lecture; 1.550 nats, small model, 2 of 8"
    assert quality["MHA"].startswith("best, by the lecture; 1.400 nats")
    assert quality["MLA"] == "asks for the best, by the lecture; not measured"
    assert frame(replace(CHOICE, n_kv_heads=4))["Quality"]["GQA"].endswith("4 of 8")
    assert frame(losses={})["Quality"].str.endswith("not measured").all()
    caption = tradeoff_caption(CHOICE, on_h100(CHOICE, 10**9), 5)
    assert "one NVIDIA H100 SXM" in caption
    assert "it is not this model's" in caption


def test_the_published_rows_are_the_gqa_paper_s():
    table = published_table().frame().set_index("Model")
    assert table.loc["T5 XXL with GQA of 8 K/V heads"].tolist()[:2] == [0.28, 47.1]
    assert table["Source"].str.contains("2305.13245").all()
    assert len(table) == 4


def test_the_answer_is_one_line_with_every_variant_in_one_unit():
    line = answer(CHOICE)
    assert line.startswith("For 64 tokens MHA keeps 131 kB; **GQA 32.8 kB** (4x smaller), **MQA")
    assert "\n" not in line


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
