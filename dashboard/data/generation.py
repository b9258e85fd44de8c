"""Generations with and without a cache as series, and caches that grow.

Attention is the phase `attend`; projections are `project` (norm, q, k, v, RoPE) and `output`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.settings.measurement import GenerationSettings
from gqa_core.records.record import Record, quartiles
from gqa_core.records.specs.generate import MODES, PLAIN_KERNEL
from gqa_core.records.specs.growth import BLOCK_LEN, POLICIES
from gqa_core.theory.fit import PowerFit, fit_power, upper_half

MODE_NAMES = {"cached": "with cache", "recomputed": "without cache"}
PARTS = {"attention": ("attend",), "projections": ("project", "output")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Seconds of one part of the work in one mode, by length, and the powers fitted to them.

    `steps` are (first quartile, median, third quartile) of the step that adds token n; a fit is
    None where fewer than two lengths are in the upper half.
    """

    mode: str
    part: str
    lengths: tuple[int, ...]
    steps: tuple[tuple[float, float, float], ...]
    totals: tuple[float, ...]
    step_fit: PowerFit | None
    total_fit: PowerFit | None

    @property
    def name(self) -> str:
        """The part and the mode in words: "attention, without cache"."""
        return f"{self.part}, {MODE_NAMES[self.mode]}"


def matching(
    records: Iterable[Record], settings: GenerationSettings, device: Mapping[str, Any]
) -> dict[str, Record]:
    """The newest record of each mode or policy, measured on this device with these settings."""
    lengths = {
        "recomputed": list(settings.context_lens),
        None: [*settings.context_lens, *settings.cached_context_lens],
    }
    newest = {
        record.get("way") or record["policy"]: record
        for record in records
        if record["kind"] in ("generate", "growth")
        and record["config"] == asdict(settings.attention)
        and record.get("kernel_asked", PLAIN_KERNEL) == PLAIN_KERNEL
        and record.get("block_len") in (None, BLOCK_LEN)
        and record["workload"]["n_layers"] == settings.n_layers
        and record["workload"]["dtype"] == "float32"
        and record["workload"]["context_lens"] == lengths.get(record.get("way"), lengths[None])
        and all(record["device"][name] == device[name] for name in ("type", "name"))
    }
    return {name: newest[name] for name in (*MODES, *POLICIES) if name in newest}


def series(records: Mapping[str, Record]) -> list[Series]:
    """The series of these generations, one per part and mode, attention first."""
    return [_series(records[mode], part) for part in PARTS for mode in MODES if mode in records]


def total_s(record: Record, context_len: int) -> float:
    """Seconds of all steps up to this length, all phases."""
    index = record["workload"]["context_lens"].index(context_len)
    return sum(totals[index] for totals in record["totals_s"].values())


def largest_difference(records: Mapping[str, Record]) -> float:
    """Largest difference between the two modes' tokens, whose root mean square is 1."""
    pairs = zip(*(records[mode]["outputs"] for mode in MODES), strict=False)
    return max(
        abs(a - b) for cached, recomputed in pairs for a, b in zip(cached, recomputed, strict=True)
    )


def appends(record: Record) -> list[tuple[float, float, float]]:
    """Quartiles of the seconds that an append takes, at each length of a growing cache."""
    return [quartiles(samples) for samples in record["samples_s"]["append"]]


def _series(record: Record, part: str) -> Series:
    lengths, phases = record["workload"]["context_lens"], PARTS[part]
    steps, totals = [], []
    for index in range(len(lengths)):
        repeats = zip(*(record["samples_s"][phase][index] for phase in phases), strict=True)
        steps.append(quartiles([sum(repeat) for repeat in repeats]))
        totals.append(sum(record["totals_s"][phase][index] for phase in phases))
    return Series(
        mode=record["way"],
        part=part,
        lengths=tuple(lengths),
        steps=tuple(steps),
        totals=tuple(totals),
        step_fit=_fit(lengths, [middle for _, middle, _ in steps]),
        total_fit=_fit(lengths, totals),
    )


def _fit(lengths: Sequence[int], values: Sequence[float]) -> PowerFit | None:
    fitted = upper_half(lengths)
    return fit_power(fitted, values[-len(fitted) :]) if len(fitted) > 1 else None
