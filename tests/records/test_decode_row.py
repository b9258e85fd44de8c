"""Rows of decode records: spread, rates and predicted times, derived from the raw samples."""

import pytest

from gqa_core.configs import default_mla_for
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.quartiles import TimeSummary
from gqa_core.records.summaries import line
from tests.records import fake_records as samples


def test_rates_come_from_the_5th_percentile_of_attend():
    row = samples.row(attend=(0.002, 0.002, 0.009))
    assert (row.attend.median, row.attend.p5) == (0.002, 0.002)
    assert samples.row(attend=(0.009, 0.002, 0.022)).attend.p5 == pytest.approx(0.0027)
    assert row.read_bytes_per_s == 16384 / 0.002
    assert row.bandwidth_share == 0.25  # 8,192,000 of 32,768,000 B/s
    assert row.tokens_per_s == 100.0  # one sequence, 0.010 s per step
    assert row.n_samples == 3
    assert row.record.samples_s.attend == (0.002, 0.002, 0.009)


def test_a_bound_above_the_time_is_withheld_with_the_reason():
    within = samples.row(attend=(0.000486,) * 3)  # 0.5 ms less 2.8%: the noise of both
    assert within.bound_doubt is None
    assert within.bound_share == 1  # never more than the bound
    below = samples.row(attend=(0.000484,) * 3)
    assert (below.bound_s, below.bound_share, below.bandwidth_share) == (None, None, None)
    assert below.bound_doubt.startswith("attending took 484 us, less than the bound of 500 us")
    assert below.record.bound_s == 0.0005  # what was measured is kept
    assert below.to_dict()["bound_share"] is None
    assert "bound withheld" in " ".join(line(below.record).split())


def test_a_row_compares_the_record_with_theory_by_the_probes_of_its_run():
    row = samples.row(attend=(0.002, 0.002, 0.004))
    # 2 x 8 heads x 64 tokens x (16 + 16) FLOP over 2 x 2 K/V heads x 64 x 16 x 4 B
    assert (row.flops, row.arithmetic_intensity) == (32_768, 2.0)
    assert row.flops_per_s.median == 32_768 / 0.002
    wide = samples.row(attend=(0.002, 0.004, 0.004)).flops_per_s  # the ends of the interval
    assert (wide.q1, wide.q3) == pytest.approx((32_768 / 0.004, 32_768 / 0.002))
    assert row.bound_share == 0.25  # 0.5 ms of 2 ms
    assert row.predicted_attend_s == pytest.approx(0.0006)  # overhead 0.1 ms + bound 0.5 ms
    assert row.attend_error == pytest.approx(-0.7)
    # Weights: (128 x 128 + 2 x 128 x 32 + 128 x 128) x 4 B = 163,840 B, 5 ms; appended 256 B.
    expected = 0.0006 + 163_840 / 32_768_000 + 256 / 32_768_000
    assert row.predicted_step_s == pytest.approx(expected)
    assert row.step_error == pytest.approx(expected / 0.010 - 1)


def test_naive_mla_is_compared_in_its_expanded_form():
    spec = samples.point(default_mla_for(8, 16), kernel="naive")
    row = samples.row(spec=spec, kernel_ran="naive")
    assert row.flops == spec.flops
    assert row.arithmetic_intensity == 0.5  # as MHA's in float32, whatever the latent
    assert row.variant_name == "MLA naive"
    assert row.n_kv_heads is None


def test_a_flat_row_has_every_number_under_its_documented_column():
    record = samples.record(attend=(0.002, 0.002, 0.004))
    flat = DecodeRow.from_record(record, "measured elsewhere").to_dict()
    assert {name: flat[name] for name in ("variant", "n_kv_heads", "head_dim", "context_len")} == {
        "variant": "GQA",
        "n_kv_heads": 2,
        "head_dim": 16,
        "context_len": 64,
    }
    attend = TimeSummary.from_samples(record.samples_s.attend)
    assert flat["attend_q1_s"] == attend.q1
    assert flat["attend_s"] == attend.median
    assert flat["attend_q3_s"] == attend.q3
    for name in ("p5", "p5_low", "p5_high", "p95", "p99"):
        assert flat[f"attend_{name}_s"] == getattr(attend, name)
    assert flat["verdict"] == "quiet"
    assert flat["attend_samples_s"] == [0.002, 0.002, 0.004]
    assert flat["device_name"] == "A CPU"
    assert flat["peak_bytes"] == 20_000
    assert flat["bound_share"] == 0.25
    assert flat["evidence"] == "measured elsewhere"
