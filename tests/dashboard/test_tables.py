"""Tables: which rows are shown, what they are compared with, and figures in their units."""

import pytest

from dashboard import tables
from dashboard.choices import DecodeChoice, SizeChoice
from gqa_core.configs import GroupedConfig, proportional_latent
from tests.measure import samples

CHOICE = DecodeChoice(
    n_heads=8,
    n_kv_heads=2,
    head_dim=16,
    context_len=64,
    batch_size=1,
    n_layers=1,
    dtype="float32",
    kernel="auto",
)
MHA = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)


def rows(*records):
    return tables.decode_rows(records)


def test_rows_match_the_sliders_at_any_context_and_mla_whatever_the_kernel():
    mla = samples.record(
        asked=samples.point(proportional_latent(8, 16), kernel="naive"), kernel_ran="naive"
    )
    other = GroupedConfig(n_heads=8, n_kv_heads=4, head_dim=16)
    known = rows(
        samples.record(asked=samples.point(context_len=999)),
        samples.record(asked=samples.point(MHA)),
        mla,
        samples.record(asked=samples.point(other)),
        samples.record(asked=samples.point(dtype="bfloat16")),
        samples.record(asked=samples.point(n_layers=2)),
        samples.record(asked=samples.point(kernel="eager")),
    )
    assert tables.matching(known, CHOICE) == known[:3]
    assert [row["label"] for row in known[:3]] == ["GQA", "MHA", "MLA naive"]


def test_only_the_newest_of_a_point_is_shown_in_the_variants_order():
    old, new = samples.record(run_id="a", attend=[1.0]), samples.record(run_id="b", attend=[2.0])
    mha = samples.record(run_id="b", index=1, asked=samples.point(MHA))
    shown = tables.latest(rows(old, new, mha))
    assert [(row["label"], row["run_id"]) for row in shown] == [("MHA", "b"), ("GQA", "b")]


def test_only_this_device_s_rows_are_its_own():
    elsewhere = {"type": "cuda", "name": "A GPU", "n_threads": 2}
    known = rows(samples.record(), samples.record(device=elsewhere))
    device = {"type": "cpu", "name": "A CPU", "n_threads": 2, "torch_version": "any"}
    assert tables.of_device(known, device) == known[:1]


def test_the_performance_table_speaks_in_the_units_of_its_columns():
    table = tables.performance_table(
        rows(
            samples.record(asked=samples.point(MHA), attend=[0.004] * 3),
            samples.record(attend=[0.002] * 3),
            samples.record(asked=samples.point(MHA, context_len=128), attend=[0.1] * 3),
        )
    )
    gqa = table.iloc[1]
    assert (gqa["Variant"], gqa["K/V heads"], gqa["Context"]) == ("GQA", 2, 64)
    assert gqa["Attend (ms)"] == 2.0
    assert gqa["Speed vs MHA"] == 2.0
    assert gqa["Tokens/s"] == 100.0
    assert gqa["Of bandwidth (%)"] == pytest.approx(25.0)
    assert gqa["Cache, formula (MiB)"] == gqa["Cache, tensors (MiB)"] == 16384 / 2**20
    assert gqa["When (UTC)"] == "2026-11-23 20:00:00"
    assert list(table["Speed vs MHA"]) == [1.0, 2.0, 1.0]


def test_speed_is_held_against_mha_under_the_same_conditions_and_by_the_same_kernel():
    mla = samples.point(proportional_latent(8, 16), kernel="absorbed")
    small = GroupedConfig(n_heads=2, n_kv_heads=2, head_dim=16)
    known = rows(
        samples.record(asked=samples.point(MHA), attend=[0.008]),
        samples.record(asked=samples.point(MHA, kernel="eager"), attend=[0.080]),
        samples.record(asked=samples.point(small), attend=[0.001]),
        samples.record(attend=[0.002]),
        samples.record(asked=samples.point(kernel="eager"), attend=[0.040]),
        samples.record(asked=samples.point(kernel="sdpa"), attend=[0.002]),
        samples.record(asked=mla, attend=[0.001], kernel_ran="absorbed"),
    )
    assert tables.speeds_vs_mha(known) == [1.0, 1.0, 1.0, 4.0, 2.0, None, 8.0]


def test_speed_against_mha_is_left_open_where_mha_is_not_measured():
    table = tables.performance_table(rows(samples.record()))
    assert table["Speed vs MHA"].isna().all()
    assert tables.performance_table([]).empty


def test_the_size_table_holds_the_lecture_s_deepseek():
    choice = SizeChoice(
        n_heads=128,
        n_kv_heads=8,
        head_dim=128,
        context_len=100_000,
        batch_size=1,
        n_layers=61,
        kv_format="bf16",
    )
    table = tables.size_table(choice).set_index("Variant")
    assert table["Cache (GB)"].round(2).to_dict() == {
        "MHA": 399.77,
        "GQA": 24.99,
        "MQA": 3.12,
        "MLA": 7.03,
    }
    assert table.loc["GQA", "Smaller than MHA"] == 16
    assert round(table.loc["MLA", "Smaller than MHA"], 2) == 56.89
    assert table.loc["MLA", "FLOP per byte read"] == pytest.approx(241.8, abs=0.05)


def test_a_run_measures_the_slider_s_context_and_two_below():
    assert CHOICE.context_lens == (4, 16, 64)
    line = " ".join(CHOICE.arguments)
    assert "--n-heads 8 --n-kv-heads 8,2,1 --head-dim 16 --context-len 4,16,64" in line
    assert line.endswith("--mla")
