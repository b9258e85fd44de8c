"""Typed records: each kind is read as its class, written as it came, and doubts are kept inside."""

import json

import pytest
from msgspec import structs

from gqa_core.configs import default_mla_for
from gqa_core.records.kinds import KINDS, DecodeRecord, decode_record, encode_record
from gqa_core.records.quartiles import Quartiles
from tests.records import fake_records as samples


def test_a_record_is_read_as_its_class_and_written_as_it_came():
    record = samples.record()
    line = encode_record(record)
    assert isinstance(record, DecodeRecord)
    assert KINDS[record.kind] is DecodeRecord
    assert decode_record(line) == record
    assert json.loads(line) == record.to_builtins()
    assert tuple(json.loads(line)) == samples.RECORD_FIELDS
    assert record.variant == "GQA"
    assert json.loads(line)["workload"] == {
        "context_len": 64,
        "batch_size": 1,
        "dtype": "float32",
        "kv_format": "fp32",
        "n_layers": 1,
    }


@pytest.mark.parametrize("attention", [samples.LAYER, default_mla_for(4, 16)])
def test_the_layer_comes_back_from_its_record(attention):
    kernel = "auto" if attention is samples.LAYER else "naive"
    record = samples.record(spec=samples.point(attention, kernel=kernel))
    assert decode_record(encode_record(record)).config == attention


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "dream"}, "Invalid value 'dream'"),
        ({"schema_version": 3}, "Invalid enum value 3"),
        ({"mood": "good"}, "unknown field `mood`"),
        ({"config": {}}, "config must have n_heads"),
    ],
)
def test_a_line_that_is_no_record_of_this_version_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        decode_record(json.dumps(samples.record().to_builtins() | change))


def test_the_peak_is_the_process_s_on_a_cpu_and_the_allocator_s_elsewhere():
    assert samples.MEMORY.peak_bytes == 20_000
    assert structs.replace(samples.MEMORY, allocator_peak_bytes=17_000).peak_bytes == 17_000


def test_quartiles_of_a_single_sample_are_that_sample():
    assert Quartiles.from_samples([3.0]) == Quartiles(3.0, 3.0, 3.0)
    assert Quartiles.from_samples([1.0, 2.0, 3.0, 4.0, 5.0]) == Quartiles(2.0, 3.0, 4.0)


def test_a_peak_that_could_not_be_reset_is_warned_of():
    (warning,) = samples.record(peak_was_reset=False).warnings
    assert "cannot be reset" in warning


def test_a_machine_without_a_name_is_no_part_of_the_json():
    plain = samples.record()
    assert "machine" not in encode_record(plain)
    named = structs.replace(plain, device=structs.replace(plain.device, machine="node7"))
    assert '"machine":"node7"' in encode_record(named)
    assert decode_record(encode_record(named)) == named
    bad = structs.replace(plain, device=structs.replace(plain.device, machine="=cmd"))
    with pytest.raises(ValueError, match=r"device\.machine must begin with"):
        bad.validate()
