"""Generations with and without a cache as series, and caches that grow.

Attention is the phase `attend`; projections are `project` (norm, q, k, v, RoPE) and `output`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from dashboard.settings.measurement import GenerationSettings
from gqa_core.records.header import Device
from gqa_core.records.kinds import GenerateRecord, GrowthRecord, Record
from gqa_core.records.quartiles import Quartiles
from gqa_core.records.specs.generate import MODES, PLAIN_KERNEL, Mode
from gqa_core.records.specs.growth import BLOCK_LEN, POLICIES, Policy
from gqa_core.theory.fit import PowerFit, fit_power, upper_half

MODE_NAMES = {"cached": "with cache", "recomputed": "without cache"}
PARTS = {"attention": ("attend",), "projections": ("project", "output")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Seconds of one part of the work in one mode, by length, and the powers fitted to them.

    `steps` are seconds of the step that adds token n; a fit is None where
    fewer than two lengths are in the upper half.
    """

    mode: Mode
    part: str
    lengths: tuple[int, ...]
    steps: tuple[Quartiles, ...]
    totals: tuple[float, ...]
    step_fit: PowerFit | None
    total_fit: PowerFit | None

    @property
    def name(self) -> str:
        """The part and the mode in words: "attention, without cache"."""
        return f"{self.part}, {MODE_NAMES[self.mode]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generations:
    """Records of generations by mode and of growing caches by policy, in the pages' order."""

    by_mode: Mapping[Mode, GenerateRecord]
    by_policy: Mapping[Policy, GrowthRecord]

    @property
    def is_complete(self) -> bool:
        """True if both modes are measured."""
        return len(self.by_mode) == len(MODES)


def matching(
    records: Iterable[Record], settings: GenerationSettings, device: Device | None = None
) -> Generations:
    """The newest record of each mode and policy, measured on this device with these settings.

    Without a device, on any.
    """
    generated: dict[Mode, GenerateRecord] = {}
    growth_records: dict[Policy, GrowthRecord] = {}
    for record in records:
        if isinstance(record, GenerateRecord) and _fits_generation(record, settings, device):
            generated[record.mode] = record
        elif isinstance(record, GrowthRecord) and _fits_growth(record, settings, device):
            growth_records[record.policy] = record
    return Generations(
        by_mode={mode: generated[mode] for mode in MODES if mode in generated},
        by_policy={
            policy: growth_records[policy] for policy in POLICIES if policy in growth_records
        },
    )


def series(records: Mapping[Mode, GenerateRecord]) -> list[Series]:
    """The series of these generations, one per part and mode, attention first."""
    return [_series(records[mode], part) for part in PARTS for mode in MODES if mode in records]


def total_s(record: GenerateRecord, context_len: int) -> float:
    """Seconds of all steps up to this length, all phases."""
    return record.totals_s.all_phases_s(record.workload.context_lens.index(context_len))


def largest_difference(records: Mapping[Mode, GenerateRecord]) -> float:
    """Largest difference between the two modes' tokens, whose root mean square is 1."""
    pairs = zip(*(records[mode].outputs for mode in MODES), strict=False)
    return max(abs(a - b) for tokens in pairs for a, b in zip(*tokens, strict=True))


def appends(record: GrowthRecord) -> list[Quartiles]:
    """Seconds that an append takes, at each length of a growing cache."""
    return [Quartiles.from_samples(samples) for samples in record.samples_s.append]


def _fits_generation(
    record: GenerateRecord, settings: GenerationSettings, device: Device | None
) -> bool:
    lengths = settings.context_lens if record.mode == "recomputed" else _long_lengths(settings)
    return record.kernel_asked == PLAIN_KERNEL and _fits(record, settings, device, lengths)


def _fits_growth(record: GrowthRecord, settings: GenerationSettings, device: Device | None) -> bool:
    is_usual_block = record.block_len in (None, BLOCK_LEN)
    return is_usual_block and _fits(record, settings, device, _long_lengths(settings))


def _fits(
    record: GenerateRecord | GrowthRecord,
    settings: GenerationSettings,
    device: Device | None,
    context_lens: tuple[int, ...],
) -> bool:
    """True if the record has these settings and lengths; threads are the measurement's own."""
    workload = record.workload
    return (
        record.config == settings.attention
        and (workload.n_layers, workload.dtype) == (settings.n_layers, "float32")
        and workload.context_lens == context_lens
        and (
            device is None or (record.device.type, record.device.name) == (device.type, device.name)
        )
    )


def _long_lengths(settings: GenerationSettings) -> tuple[int, ...]:
    return (*settings.context_lens, *settings.cached_context_lens)


def _series(record: GenerateRecord, part: str) -> Series:
    samples, totals = msgspec.structs.asdict(record.samples_s), record.totals_s
    phases, lengths = PARTS[part], record.workload.context_lens
    by_phase = msgspec.structs.asdict(totals)
    steps = [
        Quartiles.from_samples([sum(repeat) for repeat in zip(*repeats, strict=True)])
        for repeats in zip(*(samples[phase] for phase in phases), strict=True)
    ]
    sums = [sum(seconds) for seconds in zip(*(by_phase[phase] for phase in phases), strict=True)]
    return Series(
        mode=record.mode,
        part=part,
        lengths=lengths,
        steps=tuple(steps),
        totals=tuple(sums),
        step_fit=_fit(lengths, [step.median for step in steps]),
        total_fit=_fit(lengths, sums),
    )


def _fit(lengths: Sequence[int], values: Sequence[float]) -> PowerFit | None:
    fitted = upper_half(lengths)
    return fit_power(fitted, values[-len(fitted) :]) if len(fitted) > 1 else None
