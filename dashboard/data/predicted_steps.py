"""Times of decode steps by formula over all contexts, from rates that some machine probed."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.data.decode_rows import Row, row_label
from dashboard.settings.measurement import DecodeSettings
from gqa_core.configs import AttentionConfig, ModelConfig, Workload
from gqa_core.records.header import Device, Evidence
from gqa_core.theory.prediction import Probes, predicted_attend_s, predicted_step_s

__all__ = ["PredictedSteps", "predicted_steps", "probing_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedSteps:
    """Seconds of attending and of whole steps by variant, at each of `context_lens`.

    `device` probed the rates, and `evidence` says whether it is this one. `has_arithmetic_rate` is
    False where the rate of another number format would have had to stand in for it: the times are
    then those of reading alone.
    """

    context_lens: Sequence[int]
    attend_s: Mapping[str, Sequence[float]]
    step_s: Mapping[str, Sequence[float]]
    device: Device
    evidence: Evidence
    has_arithmetic_rate: bool

    def attend_times(self, context_len: int) -> dict[str, float]:
        """Seconds of attending at one of the contexts, by variant."""
        index = list(self.context_lens).index(context_len)
        return {name: seconds[index] for name, seconds in self.attend_s.items()}

    def step_ratios(self) -> dict[str, list[float]]:
        """Seconds of a step over MHA's at each context, by variant; without MHA itself."""
        return _ratios(self.step_s)

    def attend_ratios(self) -> dict[str, list[float]]:
        """Seconds of attending over MHA's at each context, by variant; without MHA itself."""
        return _ratios(self.attend_s)


def predicted_steps(
    settings: DecodeSettings, rows: Sequence[Row], context_lens: Sequence[int]
) -> PredictedSteps | None:
    """The predictions for these settings from the rates that the rows probed; None without rows.

    The attend time of a variant is the overhead that rows of it met, or any rows, plus the bound.
    """
    if not rows:
        return None
    same_dtype = [row for row in rows if row.dtype == settings.dtype]
    probes = _median_probes(same_dtype or rows, has_arithmetic_rate=bool(same_dtype))
    attend: dict[str, list[float]] = {}
    step: dict[str, list[float]] = {}
    for name, layer in settings.variants.items():
        own = [row for row in same_dtype or rows if row_label(row) == name]
        met = replace(probes, attend_overhead_s=_overhead_s(own)) if own else probes
        attend[name], step[name] = _predict(settings, layer, context_lens, met)
    return PredictedSteps(
        context_lens=tuple(context_lens),
        attend_s=attend,
        step_s=step,
        device=rows[0].record.device,
        evidence=rows[0].evidence,
        has_arithmetic_rate=bool(same_dtype),
    )


def _predict(
    settings: DecodeSettings, layer: AttentionConfig, context_lens: Sequence[int], probes: Probes
) -> tuple[list[float], list[float]]:
    """Seconds of attending and of whole steps of one variant at each context."""
    model, kv_format = ModelConfig.uniform(layer, settings.n_layers), settings.kv_format
    workloads = [Workload(context_len=n, batch_size=settings.batch_size) for n in context_lens]
    return (
        [predicted_attend_s(model, workload, kv_format, probes) for workload in workloads],
        [
            predicted_step_s(
                model, model, workload, kv_format, probes, weight_format=settings.own_format
            )
            for workload in workloads
        ],
    )


def probing_rows(own: Iterable[Row], sample: Iterable[Row], dtype: str) -> list[Row]:
    """The rows whose probes stand for a machine: own ones in this number format, else a sample's.

    Without any in this format, those of the sample in another: memory reads all of them alike.
    Unusable rows count only where there are no others.
    """
    own, sample = list(own), list(sample)
    for candidates in ([row for row in own if row.dtype == dtype], sample, own):
        in_format = [row for row in candidates if row.dtype == dtype] or candidates
        if in_format:
            return [row for row in in_format if row.is_usable] or in_format
    return []


def _median_probes(rows: Sequence[Row], *, has_arithmetic_rate: bool) -> Probes:
    """The medians of what the rows probed, bandwidths as their steps met them."""
    met = [row.record.met_probes for row in rows]
    return Probes(
        read_bandwidth_bytes_per_s=statistics.median(p.read_bandwidth_bytes_per_s for p in met),
        arithmetic_flops_per_s=(
            statistics.median(row.record.arithmetic_flops_per_s for row in rows)
            if has_arithmetic_rate
            else None
        ),
        attend_overhead_s=_overhead_s(rows),
    )


def _overhead_s(rows: Sequence[Row]) -> float:
    return statistics.median(row.record.attend_overhead_s for row in rows)


def _ratios(seconds: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    base = seconds["MHA"]
    return {
        name: [own / mha for own, mha in zip(values, base, strict=True)]
        for name, values in seconds.items()
        if name != "MHA"
    }
