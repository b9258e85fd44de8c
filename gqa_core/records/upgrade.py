"""Brings a record of an earlier schema version forward, field by field; nothing is guessed.

What an earlier version did not record stays empty: no samples of the read bandwidth, no clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from gqa_core.records.header import SCHEMA_VERSION
from gqa_core.records.step_timing import StepTiming
from gqa_core.theory.formats import dtype_format

__all__ = ["OLDEST_VERSION", "upgrade"]

OLDEST_VERSION = 4


def upgrade(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a parsed record as this version has them; of an unknown version unchanged.

    Raises:
        ValueError: the record does not have the fields of its version.
    """
    current = dict(fields)
    while type(version := current.get("schema_version")) is int and version in _STEPS:
        step = _STEPS[version]
        try:
            current = step(current)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"record must have the fields of its version: got {error}") from None
    return current


def _from_4(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 5 counts the cache in a format of its own, and keeps each probe of the bandwidth."""
    fields = fields | {"schema_version": SCHEMA_VERSION}
    if fields["kind"] == "decode":
        workload = fields["workload"]
        fields["workload"] = workload | {"kv_format": dtype_format(workload["dtype"])}
        fields["arithmetic_flops_per_s"] = fields.pop("matmul_flops_per_s")
        fields |= {
            "bandwidth_samples_bytes_per_s": [],
            "sdpa_backend": None,
            "timing": msgspec.to_builtins(StepTiming(method="clock")),
            "clocks_before": None,
            "clocks_after": None,
        }
    return fields


_STEPS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = MappingProxyType({4: _from_4})
