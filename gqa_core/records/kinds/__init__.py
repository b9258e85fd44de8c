"""One class per kind of record. A record is written, read, checked and tabulated as its class."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from gqa_core.records.kinds.decode import DecodeRecord
from gqa_core.records.kinds.generate import GenerateRecord
from gqa_core.records.kinds.growth import GrowthRecord
from gqa_core.records.kinds.quality import QualityRecord
from gqa_core.records.kinds.sharded import ShardedRecord
from gqa_core.records.kinds.verify import VerifyRecord

__all__ = [
    "KINDS",
    "DecodeRecord",
    "GenerateRecord",
    "GrowthRecord",
    "QualityRecord",
    "Record",
    "ShardedRecord",
    "VerifyRecord",
    "decode_record",
    "decode_usable_record",
    "encode_record",
]

Record = DecodeRecord | ShardedRecord | VerifyRecord | GenerateRecord | GrowthRecord | QualityRecord
KINDS: Mapping[str, type[Record]] = MappingProxyType(
    {
        "decode": DecodeRecord,
        "sharded": ShardedRecord,
        "verify": VerifyRecord,
        "generate": GenerateRecord,
        "growth": GrowthRecord,
        "quality": QualityRecord,
    }
)

_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode_record(record: Record) -> str:
    """The record as one line of JSON."""
    return msgspec.json.encode(record).decode()


def decode_record(line: str | bytes) -> Record:
    """The record that a line of JSON holds; its fields have their types, and are not validated.

    Raises:
        ValueError: the line is no JSON, or no record of a known kind and of this version.
    """
    return _DECODER.decode(line)


def decode_usable_record(body: str) -> Record:
    """The record of a row, of numbers that pages and tables can compute with.

    Whether its fields agree is not asked here: what was measured is shown, doubts and all.

    Raises:
        ValueError: it cannot be read, or nothing could have been measured so.
        TypeError: another program stored no text.
    """
    record = decode_record(body)
    record.spec  # noqa: B018 - raises if there can be no such spec
    if isinstance(record, DecodeRecord):
        rates = record.read_bandwidth_bytes_per_s, record.arithmetic_flops_per_s
        if not min(rates) > 0:
            raise ValueError(f"measured rates must be above 0: got {rates}")
    return record
