"""Records: fields, derived statistics, and the doubt that is kept inside them."""

import json

import pytest

from gqa_core.configs import proportional_latent
from gqa_core.measure.record import (
    config_of,
    peak_bytes,
    quartiles,
    row,
)
from tests.measure import samples


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


@pytest.mark.parametrize("attention", [samples.LAYER, proportional_latent(4, 16)])
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
