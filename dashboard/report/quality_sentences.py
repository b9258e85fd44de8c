"""What the records of quality say in words: losses, whether the order holds, what was bought back.

Nothing is left out because it looks odd: where fewer K/V heads came out better, it is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from dashboard.data.quality import LossSeries
from gqa_core import units
from gqa_core.records.record import Record
from gqa_core.records.specs.training import POOLINGS


def metrics(found: Sequence[LossSeries], percent: int) -> list[tuple[str, str, str]]:
    """The loss of each model after uptraining; beside it the loss before, and the cache."""
    most = max((one.cache_bytes for one in found), default=0)
    told = []
    for one in found:
        if percent not in one.spreads or 0 not in one.spreads:
            continue
        before, after = one.spreads[0][1], one.spreads[percent][1]
        cache = units.capacity_tick(one.cache_bytes)
        smaller = f"{cache}, {units.times(most / one.cache_bytes)} smaller"
        saved = smaller if one.cache_bytes < most else f"{cache}, the yardstick"
        told.append(
            (f"{one.name}: loss", f"{after:.3f}", f"{before:.3f} before uptraining; cache {saved}")
        )
    return told


def order_sentence(found: Sequence[LossSeries], percent: int) -> str:
    """Whether the median loss rises as K/V heads get fewer; pairs where it does not are named.

    Empty where MHA or MQA is missing.
    """
    taken = [(one, spread) for one in found if (spread := one.final(percent))]
    if {"MHA", "MQA"} - {one.variant for one, _ in taken}:
        return ""
    losses = " <= ".join(f"{middle:.3f}" for _, (_, middle, _) in taken)
    broken = [
        f"{fewer.name} ({below[1]:.3f}) is better than {more.name} ({above[1]:.3f}), "
        + ("within" if below[2] >= above[0] else "beyond")
        + " the spread of the seeds"
        for (more, above), (fewer, below) in pairwise(taken)
        if below[1] < above[1]
    ]
    if not broken:
        return f"The order MHA <= GQA <= MQA holds in the medians: {losses}."
    return f"The order MHA <= GQA <= MQA does **not** hold: {'; '.join(broken)}."


def pooling_sentence(by_start: Mapping[str, Sequence[LossSeries]], percent: int) -> str:
    """Which pooling came out best for each number of K/V heads, beside what the paper found."""
    best: dict[str, tuple[float, str]] = {}
    for start, found in by_start.items():
        for one in found:
            spread = one.spreads.get(percent)
            if start in POOLINGS and one.variant != "MHA" and spread:
                best[one.name] = min(best.get(one.name, (spread[1], start)), (spread[1], start))
    if not best:
        return ""
    won = "; ".join(f"{name}: {start} ({loss:.3f})" for name, (loss, start) in best.items())
    return f"Best pooling at {percent}%: {won}. The GQA paper found mean best, then first."


def machines(records: Sequence[Record]) -> str:
    """Every processor that records come from, with its Python and torch."""
    told = (
        f"{record['device']['name']} with Python {record['python_version']} and torch "
        f"{record['torch_version']}"
        for record in records
    )
    return " and on ".join(dict.fromkeys(told))


def answer(found: Sequence[LossSeries], scratch: Sequence[LossSeries], percent: int) -> str | None:
    """What sharing cost and what uptraining bought back; None where MHA or all else is missing."""
    known = [one for one in found if one.spreads.keys() >= {0, percent}]
    if len(known) < 2 or known[0].variant != "MHA":
        return None
    mha, *shared = known
    parts = "; ".join(f"{one.name} {_cost(mha, one, percent)}" for one in shared)
    trained = {one.variant: spread[1] for one in scratch if (spread := one.final(percent))}
    apart = (
        f" Trained so from scratch ({scratch[0].evidence}), MQA is at {trained['MQA']:.3f} and MHA "
        f"at {trained['MHA']:.3f}: {trained['MQA'] - trained['MHA']:+.3f}."
        if trained.keys() >= {"MHA", "MQA"}
        else ""
    )
    return (
        f"Heads shared by {shared[0].start} change MHA's loss of {mha.spreads[0][1]:.3f} at once, "
        f"and its {mha.spreads[percent][1]:.3f} after {percent}% of uptraining, by so many nats: "
        f"{parts}.{apart}"
    )


def _cost(mha: LossSeries, one: LossSeries, percent: int) -> str:
    """What sharing added at once and what uptraining left of it, MHA trained on for as long."""
    added, left = (one.spreads[at][1] - mha.spreads[at][1] for at in (0, percent))
    bought = f", {units.percent(1 - left / added)} bought back" if added > 0 else ""
    smaller = units.times(mha.cache_bytes / one.cache_bytes)
    return f"{added:+.3f}, then {left:+.3f} (cache {smaller} smaller{bought})"
