"""Measured rows: which are shown, what they are compared with, and figures in their units."""

import pytest

from dashboard.data import decode_rows as tables
from dashboard.report.decode_tables import attend_table, cache_table, performance_table
from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.records.header import Device
from gqa_core.records.log.columns import config_key
from tests.dashboard.example_settings import DECODE, MHA, SIZE, rows
from tests.records import fake_records as samples

PREDICTED = (
    "Attend, predicted (ms)",
    "Attend error (%)",
    "Step, predicted (ms)",
    "Step error (%)",
)


def test_rows_match_the_sliders_at_any_context_and_mla_whatever_the_kernel():
    mla = samples.record(
        spec=samples.point(default_mla_for(8, 16), kernel="naive"), kernel_ran="naive"
    )
    other = GroupedConfig(n_heads=8, n_kv_heads=4, head_dim=16)
    known = rows(
        samples.record(spec=samples.point(context_len=999)),
        samples.record(spec=samples.point(MHA)),
        mla,
        samples.record(spec=samples.point(other)),
        samples.record(spec=samples.point(dtype="bfloat16")),
        samples.record(spec=samples.point(n_layers=2)),
        samples.record(spec=samples.point(kernel="eager")),
    )
    assert tables.matching(known, DECODE) == known[:3]
    assert [tables.row_label(row) for row in known[:3]] == ["GQA", "MHA", "MLA naive"]


def test_only_the_newest_of_a_point_is_shown_in_the_variants_order():
    old, new = samples.record(run_id="a", attend=[1.0]), samples.record(run_id="b", attend=[2.0])
    mha = samples.record(run_id="b", index=1, spec=samples.point(MHA))
    shown = tables.latest(rows(old, new, mha))
    assert [(tables.row_label(row), row.record.run_id) for row in shown] == [
        ("MHA", "b"),
        ("GQA", "b"),
    ]


def test_only_this_device_s_rows_are_its_own():
    elsewhere = Device(type="cuda", name="A GPU", n_threads=2)
    known = rows(samples.record(), samples.record(device=elsewhere))
    device = Device(type="cpu", name="A CPU", n_threads=2)
    assert tables.measured_on(known, device) == known[:1]


def test_attend_times_stand_by_variant_and_context():
    mha, mqa = (GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=16) for n in (8, 1))
    measured = rows(
        samples.record(spec=samples.point(mha, context_len=64), attend=(3e-3,) * 3),
        samples.record(spec=samples.point(mha, context_len=1024), attend=(8e-3,) * 3),
        samples.record(spec=samples.point(mqa, context_len=1024), attend=(2e-3,) * 3),
    )
    table = attend_table(measured).frame().set_index("Variant")
    assert table.index.tolist() == ["MHA", "MQA"]
    assert table["Attend at 1,024 (ms)"].tolist() == pytest.approx([8, 2])
    assert table["Attend at 64 (ms)"].isna().tolist() == [False, True]
    assert table["Speed vs MHA at 1,024"].tolist() == pytest.approx([1, 4])
    shares = [100 * row.bound_share for row in measured[1:]]
    assert table["Share of the bound at 1,024 (%)"].tolist() == pytest.approx(shares)
    assert not attend_table([])


def test_the_performance_table_speaks_in_the_units_of_its_columns():
    table = performance_table(
        rows(
            samples.record(spec=samples.point(MHA), attend=[0.004] * 3),
            samples.record(attend=[0.002] * 3),
            samples.record(spec=samples.point(MHA, context_len=128), attend=[0.1] * 3),
        )
    ).frame()
    gqa = table.iloc[1]
    assert (gqa["Variant"], gqa["K/V heads"], gqa["Context"]) == ("GQA", 2, 64)
    assert gqa["Attend (ms)"] == 2.0
    assert gqa["Speed vs MHA"] == 2.0
    assert gqa["Tokens/s"] == 100.0
    assert gqa["Share of bandwidth (%)"] == pytest.approx(25.0)
    assert gqa["Cache, formula (MiB)"] == gqa["Cache, tensors (MiB)"] == 16384 / 2**20
    assert gqa["Share of the bound (%)"] == 25.0
    assert gqa["Attend, predicted (ms)"] == pytest.approx(0.6)
    assert gqa["Attend error (%)"] == pytest.approx(70.0)  # 0.6 ms for 2 ms, without the sign
    assert gqa["Step error (%)"] == pytest.approx(43.92, abs=0.01)
    assert gqa["Padding (B)"] == 0
    assert gqa["When (UTC)"] == "2026-11-23 20:00:00"
    assert list(table["Speed vs MHA"]) == [1.0, 2.0, 1.0]


def test_speed_is_held_against_mha_under_the_same_conditions_and_by_the_same_kernel():
    mla = samples.point(default_mla_for(8, 16), kernel="absorbed")
    small = GroupedConfig(n_heads=2, n_kv_heads=2, head_dim=16)
    known = rows(
        samples.record(spec=samples.point(MHA), attend=[0.008]),
        samples.record(spec=samples.point(MHA, kernel="eager"), attend=[0.080]),
        samples.record(spec=samples.point(small), attend=[0.001]),
        samples.record(attend=[0.002]),
        samples.record(spec=samples.point(kernel="eager"), attend=[0.040]),
        samples.record(spec=samples.point(kernel="sdpa"), attend=[0.002]),
        samples.record(spec=mla, attend=[0.001], kernel_ran="absorbed"),
    )
    compared = tables.versus_mha(known)
    assert [versus.speed for versus in compared] == [1.0, 1.0, 1.0, 4.0, 2.0, None, 8.0]
    assert not any(versus.is_tie for versus in compared)  # no MHA by sdpa is no tie


def test_speed_against_mha_is_left_open_where_mha_is_not_measured():
    table = performance_table(rows(samples.record())).frame()
    assert table["Speed vs MHA"].isna().all()
    assert not performance_table([])


def test_the_table_names_the_kernel_that_attended_for_mla():
    mla = samples.point(default_mla_for(8, 16), kernel="absorbed")
    absorbed = samples.record(spec=mla, kernel_ran="absorbed", attend_kernel="split_kv")
    table = performance_table(rows(absorbed, samples.record(run_id="run-3"))).frame()
    assert list(table["Kernel ran"]) == ["absorbed", "packed"]
    assert list(table["Attend kernel"]) == ["split_kv", "packed"]
    for name in (*PREDICTED, "Padding (B)"):
        assert not table[name].isna().any(), name


def test_only_rows_with_the_sliders_geometry_batch_layers_and_format_are_points():
    mha = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)
    latent = default_mla_for(8, 16)
    specs = [
        samples.point(),
        samples.point(mha),
        samples.point(latent, kernel="absorbed"),
        samples.point(n_layers=2),
        samples.point(dtype="bfloat16"),
        samples.point(GroupedConfig(n_heads=8, n_kv_heads=4, head_dim=16)),
    ]
    records = [samples.record(index=index, spec=point) for index, point in enumerate(specs)]
    naive = samples.record(index=9, spec=samples.point(latent, kernel="naive"), kernel_ran="naive")
    points = tables.cache_rows(rows(*records, naive), SIZE)
    assert sorted(cache.row.record.point for cache in points) == [0, 1, 2]


def test_the_table_of_measured_caches_holds_both_errors():
    table = cache_table(tables.cache_rows(rows(samples.record()), SIZE)).frame()
    assert table.loc[0, "Tensors error (%)"] == 0
    assert table.loc[0, "Peak error (%)"] == pytest.approx(22.07, abs=0.01)
    assert table.loc[0, "Formula (MiB)"] == 16384 / 2**20


def test_measured_settings_are_named_once_each_the_newest_first():
    gqa, mha = (
        config_key(GroupedConfig(n_heads=8, n_kv_heads=count, head_dim=16)) for count in (2, 8)
    )
    latent = config_key(default_mla_for(8, 16))
    newest = [(config, 1, 1, "fp32") for config in (mha, latent, gqa)] + [(gqa, 1, 1, "bf16")]
    assert tables.measured_settings(newest) == [
        "8 query heads, 2, 8 K/V heads, width 16, 1 layer, batch 1, fp32",
        "8 query heads, 2 K/V heads, width 16, 1 layer, batch 1, bf16",
    ]


def test_variants_whose_intervals_overlap_are_not_ranked():
    mqa = GroupedConfig(n_heads=8, n_kv_heads=1, head_dim=16)
    mha = samples.around(0.0021, low=0.002, high=0.0023, median=0.004)
    near = samples.around(0.0019, low=0.0018, high=0.00205, median=0.003)
    clear = samples.around(0.0018, low=0.0017, high=0.0019, median=0.005)  # a larger median
    known = rows(
        samples.record(spec=samples.point(MHA), attend=mha),
        samples.record(attend=near),
        samples.record(spec=samples.point(mqa), attend=clear),
    )
    compared = tables.versus_mha(known)
    assert [versus.speed for versus in compared] == [1.0, None, pytest.approx(21 / 18)]
    assert [versus.is_tie for versus in compared] == [False, True, False]
    speeds = performance_table(known).frame()["Speed vs MHA"]
    assert speeds.isna().tolist() == [False, True, False]
    small = attend_table(known).frame().set_index("Variant")["Speed vs MHA at 64"]
    assert small.isna().to_dict() == {"MHA": False, "GQA": True, "MQA": False}


@pytest.mark.parametrize("disturbed", ["row", "mha"])
def test_unusable_samples_are_not_ranked_however_far_apart(disturbed):
    spreads = {"row": [0.0001] * 3, "mha": [0.1] * 3} | {disturbed: samples.UNUSABLE}
    mha = samples.record(spec=samples.point(MHA), attend=spreads["mha"])
    own, base = tables.versus_mha(rows(samples.record(attend=spreads["row"]), mha))
    assert own.row.attend.differs_from(base.row.attend)
    assert (own.speed, own.is_tie) == (None, True)
    assert base.speed == (None if disturbed == "mha" else 1.0)


def test_the_tables_have_verdict_interval_and_tail():
    steps = [0.001] * 90 + [0.002] * 8 + [0.003] * 2  # p95 2 ms; p99 3 ms
    undisturbed = samples.record(attend=[0.0005] * 100, step_samples=steps)
    spread = samples.around(0.002, low=0.0019, high=0.0021, median=0.004)
    noisy = samples.record(
        spec=samples.point(MHA),
        attend=spread,
        bandwidth_samples_bytes_per_s=samples.NOISY_BANDWIDTHS,
    )
    table = performance_table(rows(noisy, undisturbed)).frame()
    assert list(table["Verdict"]) == ["noisy", "quiet"]
    assert list(table["Reason of the verdict"]) == [
        "the usual pass of the bandwidth probe reached 25% of the best one: other work was running",
        "",
    ]
    mha, gqa = table.iloc[0], table.iloc[1]
    assert [mha["Attend, 95% CI from (ms)"], mha["Attend, 95% CI to (ms)"]] == [1.9, 2.1]
    assert [mha["Attend (ms)"], mha["Attend, median (ms)"]] == [2.0, 4.0]
    assert [gqa["Step (ms)"], gqa["Step, p95 (ms)"]] == [1.0, 2.0]
    assert gqa["Step, p99 (ms)"] == pytest.approx(3.0, abs=0.011)
    small = attend_table(rows(noisy, undisturbed)).frame().set_index("Variant")
    assert small["Verdict at 64"].to_dict() == {"MHA": "noisy", "GQA": "quiet"}
    assert small.loc["GQA", "Step p95 at 64 (ms)"] == 2.0
    assert small.loc["GQA", "Step p99 at 64 (ms)"] == pytest.approx(3.0, abs=0.011)


def test_a_bound_above_the_time_is_withheld_from_both_tables():
    (row,) = rows(samples.record(attend=[0.0004] * 3))  # the bound is 0.5 ms
    assert (row.bound_s, row.bound_share) == (None, None)
    table = performance_table([row]).frame()
    assert table["Share of the bound (%)"].isna().all()
    assert table["Bound withheld"][0].startswith("attending took 400 us, less than the bound of 50")
    assert attend_table([row]).frame()["Share of the bound at 64 (%)"].isna().all()
    assert performance_table(rows(samples.record())).frame()["Bound withheld"].tolist() == [""]
