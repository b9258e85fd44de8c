"""Sentences of the capacity page: metrics, what is missing, errors to expect, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dashboard.data.capacity import (
    CapacityResult,
    Plan,
    context_text,
    engine_label,
    fits,
)
from dashboard.report.capacity_arithmetic import utilisation_text, world_on
from dashboard.report.metric import Metric
from gqa_core import units
from gqa_core.engine_logs.capacity_errors import capacity_errors


def metrics(plan: Plan) -> list[Metric]:
    """The four answers for the variant shown; numbers that are too long for two are the engine's.

    `fits` lists the ideal last: it needs less memory and gives more context.
    """
    results = fits(plan, plan.variant)
    users = f"{units.count(plan.n_users, 'user')} at {plan.context_len:,} tokens"
    n_gpus = units.count(plan.shown.world, "GPU")
    sequences, needed, contexts, memories = "", "", "", ""
    first, ideal = results[0], results[-1]
    if len(results) > 1:
        name = engine_label(first.engine)
        sequences, needed = (f"{name} to ideal, ", f"ideal to {name}, ")
        contexts = f"{name} ({context_text(ideal)} ideal), "
        memories = f"{name} ({units.decimal(ideal.min_memory_bytes)} ideal), "
    safe = _span([f"{fit.safe_sequences:,}" for fit in results])
    in_all = f"; {units.decimal(first.memory_in_all)} on {n_gpus}" if plan.shown.world > 1 else ""
    return [
        Metric(
            _capitalized(f"{plan.sequence_name}s that fit"),
            _span([f"{fit.max_sequences:,}" for fit in results]),
            f"{sequences}of {plan.context_len:,} tokens; {safe} to count on",
            plan.variant,
        ),
        Metric(
            "Longest context",
            context_text(first),
            f"{contexts}tokens for {units.count(plan.n_users, 'user')} on {n_gpus}",
        ),
        Metric(
            "GPUs needed",
            _span([_gpus_text(fit) for fit in reversed(results)]),
            f"{needed}{plan.gpu}, for {users}",
        ),
        Metric(
            "Memory per GPU",
            units.decimal(first.min_memory_bytes),
            f"{memories}{units.capacity(first.min_memory_bytes)}, for {users}{in_all}",
        ),
    ]


def weights_error(plan: Plan) -> str | None:
    """A sentence that the weights leave no room for a cache; None if they do."""
    shown = plan.shown
    if shown.kv_budget_bytes > 0:
        return None
    enough, largest = shown.min_gpus(1, 1), shown.with_max_gpus()
    remedy = (
        f"They fit on {units.count(world_on(shown, enough), 'GPU')}."
        if enough
        else f"Not even {units.count(largest.world, 'GPU')}, the most that split the heads, are "
        "enough."
    )
    besides = f" and {units.decimal(shown.overhead_bytes)} besides" if shown.overhead_bytes else ""
    note = f"{plan.weights_note} " if plan.weights_note else ""
    return (
        f"{note}The weights do not fit: {units.decimal(shown.weight_bytes)} over "
        f"{units.count(shown.n_gpus * shown.pp, 'GPU')} are "
        f"{units.decimal(float(shown.weight_bytes_per_gpu))}{besides} on each, and "
        f"{utilisation_text(shown)} of {units.decimal(shown.memory_bytes)} are "
        f"{units.decimal(float(shown.memory_bytes * shown.utilisation))}. {remedy}"
    )


def missing_sentence(plan: Plan) -> str | None:
    """A sentence about what to type, and what is known without it; None if nothing is missing."""
    if plan.weights_known:
        return None
    results = fits(plan, plan.variant)
    sizes = _span([units.decimal(fit.sequence_bytes) for fit in reversed(results)])
    unknown = (
        "The size of the weights is not known, so nothing can be said about what fits. Type it in "
        "GB beside the model."
    )
    too_small = f"{plan.weights_note} Type **Weights in total (GB)** beside the model."
    return (
        f"{too_small if plan.weights_note else unknown} One {plan.sequence_name} of "
        f"{plan.context_len:,} tokens takes {sizes} on each GPU, whatever the weights are."
    )


def notes(plan: Plan) -> list[str]:
    """Notes below the chart: variants that coincide, and those that cannot be split so."""
    left_out = " and ".join(plan.not_split)
    split = f"{left_out} cannot be split so by the rules of {plan.shown.engine}: no row of it."
    return [*filter(None, [plan.weights_note, ties_sentence(plan), split if left_out else None])]


def ties_sentence(plan: Plan) -> str | None:
    """A sentence about variants with equal bytes per GPU, whose lines coincide; None if none."""
    by_bytes: dict[tuple[int, ...], list[str]] = {}
    for variant in plan.deployments:
        n_bytes = tuple(fit.sequence_bytes for fit in fits(plan, variant))
        by_bytes.setdefault(n_bytes, []).append(variant)
    ties = [" and ".join(names) for names in by_bytes.values() if len(names) > 1]
    if not ties:
        return None
    n_gpus = units.count(plan.shown.world, "GPU")
    variants = "; of ".join(ties)
    return f"On {n_gpus} a sequence of {variants} takes equal bytes, so their lines coincide."


def answer(plan: Plan) -> str:
    """The page's answer in one sentence; a fit is on paper, since labels overstate memory."""
    results = fits(plan, plan.variant)
    users = units.count(plan.n_users, "user")
    verb = "needs" if plan.n_users == 1 else "need"
    needed = (
        f"{users} at {plan.context_len:,} tokens {verb} "
        f"{_span([_gpus_text(fit) for fit in reversed(results)])} of these GPUs."
    )
    if error := weights_error(plan):
        return f"{error} {needed}"
    sequences = _span([f"{fit.max_sequences:,}" for fit in results])
    safe = _span([f"{fit.safe_sequences:,}" for fit in results])
    contexts = _span([context_text(fit) for fit in results])
    tokens = "" if contexts.endswith("no limit") else " tokens"
    return (
        f"On paper, {plan.shown.world} x {plan.gpu} at {utilisation_text(plan.shown)} hold "
        f"{sequences} {plan.sequence_name}s of {plan.context_len:,} tokens ({safe} to count on) "
        f"beside {units.decimal(plan.shown.weight_bytes)} of weights. The longest context for "
        f"{users} is {contexts}{tokens}. {needed}"
    )


def _gpus_text(fit: CapacityResult) -> str:
    """The number of GPUs: "4", "more than 8" if none that splits the heads is enough."""
    if fit.min_world:
        return str(fit.min_world)
    return f"more than {fit.deployment.with_max_gpus().world}"


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


def _span(texts: Sequence[str]) -> str:
    """The first and the last text; only one if they are equal."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"


@cache
def errors_sentence() -> str:
    """The error to expect, measured over public deployments."""
    errors = capacity_errors()
    above = ", ".join(errors.above_safe) or "none"
    return (
        f"Over {errors.n_deployments} public deployments the expected figure was off by "
        f"{units.percent(errors.median_error)} (median; with its sign "
        f"{100 * errors.median_signed_error:+.1f}%, at worst {100 * errors.worst_error:+.0f}%). "
        f"The figure to count on was above what the engine found room for in: {above}."
    )
