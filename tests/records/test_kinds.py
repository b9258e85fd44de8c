"""Typed records: each kind is read as its class, written as it came, and checked by itself."""

import json

import pytest

from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.kinds import KINDS, DecodeRecord, decode_record, encode_record
from tests.records import fake_records


@pytest.fixture
def record():
    return decode_record(json.dumps(fake_records.record() | {"schema_version": 4}))


def test_a_decode_record_is_read_as_its_class_and_written_as_it_came(record):
    assert isinstance(record, DecodeRecord)
    assert KINDS[record.kind] is DecodeRecord
    assert record.config == fake_records.LAYER
    assert json.loads(encode_record(record)) == record.to_builtins()
    assert decode_record(encode_record(record)) == record
    record.validate()


def test_a_row_has_the_spread_of_each_phase_and_the_rates_of_attending(record):
    row = DecodeRow.from_record(record)
    assert (row.attend.q1, row.attend.median, row.attend.q3) == (0.002, 0.002, 0.002)
    assert row.bandwidth_share == 0.25  # 16,384 B in 2 ms are 8,192,000 of 32,768,000 B/s
    assert row.variant_name == "GQA-2"
