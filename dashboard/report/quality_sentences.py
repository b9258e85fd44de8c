"""Sentences about held-out losses: their order, the best pooling, and what uptraining recovered.

Unexpected results are stated too: pairs where fewer K/V heads came out better are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from dashboard.data.quality import LossSeries
from dashboard.report.metric import Metric
from gqa_core import units
from gqa_core.records.kinds import QualityRecord
from gqa_core.records.specs.quality import Start
from gqa_core.records.specs.training import POOLINGS


def metrics(all_series: Sequence[LossSeries], percent: int) -> list[Metric]:
    """The loss of each model after uptraining; beside it the loss before, and the cache."""
    largest = max((series.cache_bytes for series in all_series), default=0)
    metrics = []
    for series in all_series:
        if percent not in series.spreads or 0 not in series.spreads:
            continue
        before, after = series.spreads[0][1], series.spreads[percent][1]
        cache = units.capacity_tick(series.cache_bytes)
        smaller = f"{cache}, {units.times(largest / series.cache_bytes)} smaller"
        saved = smaller if series.cache_bytes < largest else f"{cache}, the baseline"
        metrics.append(
            Metric(
                f"{series.name}: loss",
                f"{after:.3f}",
                f"{before:.3f} before uptraining; cache {saved}",
                series.variant,
            )
        )
    return metrics


def order_sentence(all_series: Sequence[LossSeries], percent: int) -> str:
    """A sentence whether the median loss rises as K/V heads get fewer, with the exceptions.

    Empty if MHA or MQA is missing.
    """
    known = [(series, spread) for series in all_series if (spread := series.final(percent))]
    if {"MHA", "MQA"} - {series.variant for series, _ in known}:
        return ""
    losses = " <= ".join(f"{middle:.3f}" for _, (_, middle, _) in known)
    broken = [
        f"{fewer.name} ({below[1]:.3f}) is better than {more.name} ({above[1]:.3f}), "
        + ("within" if below[2] >= above[0] else "beyond")
        + " the spread of the seeds"
        for (more, above), (fewer, below) in pairwise(known)
        if below[1] < above[1]
    ]
    if not broken:
        return f"The order MHA <= GQA <= MQA holds in the medians: {losses}."
    return f"The order MHA <= GQA <= MQA does **not** hold: {'; '.join(broken)}."


def pooling_sentence(by_start: Mapping[Start, Sequence[LossSeries]], percent: int) -> str:
    """The best pooling for each number of K/V heads, beside the paper's result."""
    best: dict[str, tuple[float, str]] = {}
    for start, all_series in by_start.items():
        for series in all_series:
            spread = series.spreads.get(percent)
            if start in POOLINGS and series.variant != "MHA" and spread:
                best[series.name] = min(
                    best.get(series.name, (spread[1], start)), (spread[1], start)
                )
    if not best:
        return ""
    won = "; ".join(f"{name}: {start} ({loss:.3f})" for name, (loss, start) in best.items())
    return f"Best pooling at {percent}%: {won}. The GQA paper found mean best, then first."


def machines(records: Sequence[QualityRecord]) -> str:
    """Every processor that records come from, with its Python and torch."""
    texts = (
        f"{record.device.name} with Python {record.python_version} and torch {record.torch_version}"
        for record in records
    )
    return " and on ".join(dict.fromkeys(texts))


def answer(
    all_series: Sequence[LossSeries], scratch: Sequence[LossSeries], percent: int
) -> str | None:
    """The cost of sharing, and what uptraining recovered; None if MHA or all else is missing."""
    known = [series for series in all_series if series.spreads.keys() >= {0, percent}]
    if len(known) < 2 or known[0].variant != "MHA":
        return None
    mha, *shared = known
    parts = "; ".join(f"{series.name} {_cost(mha, series, percent)}" for series in shared)
    trained = {series.variant: spread[1] for series in scratch if (spread := series.final(percent))}
    apart = (
        f" Trained from scratch with shared heads ({scratch[0].evidence}), MQA is at "
        f"{trained['MQA']:.3f} and MHA at {trained['MHA']:.3f}: "
        f"{trained['MQA'] - trained['MHA']:+.3f}."
        if trained.keys() >= {"MHA", "MQA"}
        else ""
    )
    return (
        f"Heads shared by {shared[0].start} change the loss against MHA's by these nats per byte, "
        f"at once (MHA: {mha.spreads[0][1]:.3f}) and after {percent}% of uptraining "
        f"(MHA: {mha.spreads[percent][1]:.3f}): "
        f"{parts}.{apart}"
    )


def _cost(mha: LossSeries, series: LossSeries, percent: int) -> str:
    """The loss that sharing added at once, and what is left after as much uptraining as MHA had."""
    added, left = (series.spreads[n][1] - mha.spreads[n][1] for n in (0, percent))
    recovered = f", {units.percent(1 - left / added)} recovered" if added > 0 else ""
    smaller = units.times(mha.cache_bytes / series.cache_bytes)
    return f"{added:+.3f}, then {left:+.3f} (cache {smaller} smaller{recovered})"
