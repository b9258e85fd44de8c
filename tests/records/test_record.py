"""Records: fields, derived statistics, and the doubt that is kept inside them."""

import json

import pytest

from gqa_core.configs import default_mla_for
from gqa_core.records.record import (
    config_of,
    peak_bytes,
    quartiles,
    row,
)
from tests.records import fake_records as samples


def test_a_record_has_its_fields_and_survives_json():
    record = samples.record()
    assert tuple(record) == samples.RECORD_FIELDS
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["variant"] == "GQA"
    assert record["workload"] == {
        "context_len": 64,
        "batch_size": 1,
        "dtype": "float32",
        "n_layers": 1,
    }


@pytest.mark.parametrize("attention", [samples.LAYER, default_mla_for(4, 16)])
def test_the_layer_comes_back_from_its_record(attention):
    kernel = "auto" if attention is samples.LAYER else "naive"
    record = samples.record(asked=samples.point(attention, kernel=kernel))
    assert config_of(record) == attention


def test_rates_come_from_the_attend_median():
    flat = row(samples.record(attend=(0.001, 0.002, 0.009)))
    assert flat["attend_s"] == 0.002
    assert flat["read_bytes_per_s"] == 16384 / 0.002
    assert flat["bandwidth_share"] == 0.25  # 8,192,000 of 32,768,000 B/s
    assert flat["tokens_per_s"] == 100.0  # one sequence, 0.010 s a step
    assert flat["n_samples"] == 3
    assert flat["attend_samples_s"] == [0.001, 0.002, 0.009]


def test_a_row_holds_the_record_against_theory_by_the_probes_of_its_run():
    flat = row(samples.record(attend=(0.001, 0.002, 0.004)))
    # 2 x 8 heads x 64 tokens x (16 + 16) FLOP over 2 x 2 K/V heads x 64 x 16 x 4 B
    assert (flat["flops"], flat["arithmetic_intensity"]) == (32_768, 2.0)
    assert flat["flops_per_s"] == 32_768 / 0.002
    assert flat["flops_q1_per_s"] == pytest.approx(32_768 / 0.003)
    assert flat["flops_q3_per_s"] == pytest.approx(32_768 / 0.0015)
    assert flat["bound_share"] == 0.25  # 0.5 ms of 2 ms
    assert flat["predicted_attend_s"] == pytest.approx(0.0006)  # floor 0.1 ms + bound 0.5 ms
    assert flat["attend_error"] == pytest.approx(-0.7)
    # Weights: (128 x 128 + 2 x 128 x 32 + 128 x 128) x 4 B = 163,840 B, 5 ms; appended 256 B.
    expected = 0.0006 + 163_840 / 32_768_000 + 256 / 32_768_000
    assert flat["predicted_step_s"] == pytest.approx(expected)
    assert flat["step_error"] == pytest.approx(expected / 0.010 - 1)


def test_naive_mla_is_held_against_its_expanded_form():
    latent = default_mla_for(8, 16)
    asked = samples.point(latent, kernel="naive")
    flat = row(samples.record(asked=asked, kernel_ran="naive"))
    assert flat["flops"] == asked.flops
    assert flat["arithmetic_intensity"] == 0.5  # as MHA's in float32, whatever the latent


def test_a_record_of_version_1_is_read_and_predicts_nothing():
    record = samples.record()
    flat = row(samples.of_version_1(record))
    unknown = ("matmul_flops_per_s", "attend_overhead_s", "padding_bytes")
    unknown += ("predicted_attend_s", "predicted_step_s", "attend_error", "step_error")
    assert {name: flat[name] for name in unknown} == dict.fromkeys(unknown)
    assert flat["attend_kernel"] == "packed"  # a grouped record says it as kernel_ran
    assert flat["bound_s"] == 0.0005
    assert flat["flops_per_s"] == row(record)["flops_per_s"]
    assert set(flat) == set(row(record))


def test_the_peak_is_the_process_s_on_a_cpu_and_the_allocator_s_elsewhere():
    record = samples.record()
    assert peak_bytes(record) == 20_000
    record["memory"]["allocator_peak_bytes"] = 17_000
    assert peak_bytes(record) == 17_000


def test_quartiles_of_a_single_sample_are_that_sample():
    assert quartiles([3.0]) == (3.0, 3.0, 3.0)
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)


def test_a_wide_spread_is_warned_of_and_a_narrow_one_is_not():
    assert samples.record(attend=(1.0, 1.01, 1.02))["warnings"] == []
    (warning,) = samples.record(attend=(1.0, 1.5, 2.0))["warnings"]
    assert warning == "attend: spread over 10% (interquartile range 33%)"


def test_a_peak_that_could_not_be_reset_is_warned_of():
    (warning,) = samples.record(peak_was_reset=False)["warnings"]
    assert "cannot be reset" in warning
