"""Fields that generate and growth records share: lists with one entry per context length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from msgspec import Struct

from gqa_core.configs import GroupedConfig, validate_int
from gqa_core.records.header import Device, RecordHeader, RunHeader, header_fields
from gqa_core.records.memory import PEAK_WARNING, Memory
from gqa_core.records.specs.decode import MAX_SAMPLES
from gqa_core.records.specs.token_by_token import TokenByTokenSpec
from gqa_core.records.validation import (
    MAX_S,
    MIN_S,
    validate_count,
    validate_equal,
    validate_number,
    validate_seconds,
    validate_warnings,
)
from gqa_core.theory.formats import DtypeName

__all__ = [
    "LengthSamples",
    "LengthTotals",
    "TokenByTokenMeasurement",
    "TokenByTokenRecord",
    "TokenByTokenWorkload",
]

MAX_LENGTHS = 100

LengthSamples = tuple[tuple[float, ...], ...]  # seconds: per context length, repeats
LengthTotals = tuple[float, ...]  # seconds: per context length, the sum of all steps up to it


class TokenByTokenWorkload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens added one after the other to one sequence; timed at each of `context_lens`."""

    context_lens: tuple[int, ...]
    batch_size: Literal[1] = 1
    dtype: DtypeName
    n_layers: int

    @classmethod
    def from_spec(cls, spec: TokenByTokenSpec) -> TokenByTokenWorkload:
        """The workload of a spec."""
        return cls(context_lens=spec.context_lens, dtype=spec.dtype, n_layers=spec.n_layers)

    def validate(self) -> None:
        """Raise ValueError unless one sequence has a few lengths; the spec checks the rest."""
        validate_equal("workload.batch_size", self.batch_size, 1)
        counts = range(1, MAX_LENGTHS + 1)
        validate_count("workload.context_lens", self.context_lens, counts, "lengths")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenByTokenMeasurement:
    """The part of a result that both kinds of measurement have."""

    torch_version: str
    device: Device
    n_warmup: int
    memory: Memory
    peak_was_reset: bool


class TokenByTokenRecord(RecordHeader, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of both kinds of record."""

    config: GroupedConfig
    workload: TokenByTokenWorkload
    n_warmup: int
    memory: Memory
    warnings: tuple[str, ...]

    def validate(self) -> None:
        """Raise ValueError unless the common fields are within bounds."""
        RecordHeader.validate(self)
        self.workload.validate()
        validate_int("n_warmup", self.n_warmup, MAX_SAMPLES, least=0)
        validate_warnings(self.warnings)


def common_fields(
    spec: TokenByTokenSpec, measurement: TokenByTokenMeasurement, run: RunHeader, point: int
) -> dict[str, Any]:
    """The fields of a point's `TokenByTokenRecord`."""
    return header_fields(run, point, measurement.torch_version, measurement.device) | {
        "config": spec.attention,
        "workload": TokenByTokenWorkload.from_spec(spec),
        "n_warmup": measurement.n_warmup,
        "memory": measurement.memory,
        "warnings": () if measurement.peak_was_reset else (PEAK_WARNING,),
    }


def n_samples(name: str, samples: LengthSamples) -> int:
    """The number of samples of the last length.

    Raises:
        ValueError: there is no length, or it has no samples or too many.
    """
    if not samples:
        raise ValueError(f"{name} must be a list of lists of seconds: got none")
    validate_count(name, samples[-1], range(1, MAX_SAMPLES + 1), "seconds")
    return len(samples[-1])


def validate_samples(name: str, samples: LengthSamples, counts: Sequence[int]) -> None:
    """Raise ValueError unless each length has as many seconds as `counts` says."""
    validate_count(name, samples, [len(counts)], "lists")
    for seconds, count in zip(samples, counts, strict=True):
        validate_count(name, seconds, [count], "seconds")
        validate_seconds(name, seconds)


def validate_totals(name: str, totals: LengthTotals, n_lengths: int) -> None:
    """Raise ValueError unless there is one sum of seconds per length, each above the one before."""
    validate_count(name, totals, [n_lengths], "sums of seconds")
    for total in totals:
        validate_number(name, total, MIN_S, MAX_S)
    for earlier, later in pairwise(totals):
        if later <= earlier:
            raise ValueError(f"{name} must rise with the length: got {earlier:g} and {later:g}")
