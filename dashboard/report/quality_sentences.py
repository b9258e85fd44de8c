"""Sentences about held-out losses: their order, the best pooling, and what uptraining recovered.

Unexpected results are stated too: pairs where fewer K/V heads came out better are named.
"""

from __future__ import annotations

import math
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
        smaller = f"cache {units.times(largest / series.cache_bytes)} smaller"
        saved = smaller if series.cache_bytes < largest else "the baseline"
        metrics.append(
            Metric(
                f"{series.name}: loss",
                f"{after:.3f}",
                f"{before:.3f} before uptraining; {saved}",
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
    """The cost of sharing after uptraining and at once; None if MHA or all else is missing."""
    known = [series for series in all_series if series.spreads.keys() >= {0, percent}]
    if len(known) < 2 or known[0].variant != "MHA":
        return None
    mha, *shared = known
    heads = _listing([str(series.n_kv_heads) for series in shared])
    left, added = (
        _listing([_cost(mha, series, after) for series in shared]) for after in (percent, 0)
    )
    trained = {series.variant: spread[1] for series in scratch if (spread := series.final(percent))}
    apart, source = "", f" ({mha.evidence})"
    if trained.keys() >= {"MHA", "MQA"}:
        cost = f"{trained['MQA'] - trained['MHA']:+.3f} ({scratch[0].evidence})"
        apart = f" A model trained from scratch with a single K/V head costs {cost}."
        source = "" if scratch[0].evidence == mha.evidence else source  # say it once
    return (
        f"**{heads} K/V heads in place of {mha.n_kv_heads} cost {left} nats per byte** after "
        f"{percent}% more training{source}. Right after sharing they cost {added}."
        f"{apart}"
    )


def meaning(all_series: Sequence[LossSeries], percent: int) -> str:
    """A sentence that explains the unit with MHA's loss; empty without it."""
    for series in all_series:
        if series.variant == "MHA" and percent in series.spreads:
            loss = series.spreads[percent][1]
            return (
                f"A loss of {loss:.2f} nats per byte: the model gives the byte that comes next a "
                f"probability of {100 * math.exp(-loss):.0f}% on average (its geometric mean). "
                "Guessing among 256 bytes costs 5.55."
            )
    return ""


def _listing(texts: Sequence[str]) -> str:
    """Texts as a list in a sentence: "4, 2 and 1"."""
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def _cost(mha: LossSeries, series: LossSeries, percent: int) -> str:
    """The median loss above MHA's after as much uptraining."""
    return f"{series.spreads[percent][1] - mha.spreads[percent][1]:+.3f}"


METHOD = (
    "**What is measured.** A small byte-level decoder, trained on topics of Python's own manual "
    "with a K and V for every head. Its K/V heads are then shared by more and more query heads, "
    "down to a single one, and it continues to train (*uptraining*) for some percent of the "
    "original steps. The loss is that of the next byte on topics it has never seen.\n\n"
    "MHA is trained for just as many steps, because the steps alone change the loss: their "
    "constant learning rate is above the one that training ended with. Markers are medians over "
    "seeds, bars go from the smallest to the largest. The cache is that of one sequence of the "
    "training length in float32.\n\n"
    "**Nats per byte.** The loss is -ln p, where p is the probability that the model gave the "
    "byte that came next, averaged over all bytes. 0.69 nats more halve that probability.\n\n"
    "**Source.** GQA paper, arXiv:2305.13245, section 2.\n\n"
    "**What a toy model can show.** Sharing the heads that a model was trained with does damage, "
    "the damage depends on how many heads share, and a few steps repair much of it.\n\n"
    "**What it cannot show.** How large the loss is in a large model, what it does to tasks, or "
    "how far apart MHA, GQA and MQA are there: a few layers and a few hundred kilobytes of one "
    "text do not settle that. Losses belong to one text: those of two Python releases cannot be "
    "compared."
)
