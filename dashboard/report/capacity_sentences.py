"""The page on capacity in words: the arithmetic with its numbers put in, limits and the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dashboard.data.capacity import (
    LABEL_PERCENT,
    CapacityResult,
    Plan,
    context_text,
    derated,
    fits,
)
from gqa_core import units
from gqa_core.configs import MAX_CONTEXT_LEN, AttentionConfig, GroupedConfig
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.memory import layer_bytes_per_token
from gqa_core.theory.sharding import valid_tp_sizes


def metrics(plan: Plan) -> list[tuple[str, str, str]]:
    """The four answers for the variant shown; of two readings of a long number, the careful one.

    As allocated stands first in `fits`, and asks for more memory and gives less context.
    """
    found = fits(plan, plan.variant)
    less = derated(plan.shown)
    fewer = [less.max_sequences(plan.context_len, as_allocated=fit.as_allocated) for fit in found]
    users = f"{units.count(plan.n_users, 'user')} at {plan.context_len} tokens"
    n_gpus = units.count(plan.shown.n_gpus, "GPU")
    held, needed, contexts, memories = "", "", "", ""
    careful, ideal = found[0], found[-1]
    if len(found) > 1:
        held, needed = ("as allocated to ideal, ", "ideal to as allocated, ")
        contexts = f"as allocated ({context_text(ideal)} ideal), "
        memories = f"as allocated ({units.capacity(ideal.min_memory_bytes)} ideal), "
    return [
        (
            f"{plan.variant} sequences that fit",
            _span([f"{fit.max_sequences:,}" for fit in found]),
            f"{held}of {plan.context_len} tokens; {_span([f'{count:,}' for count in fewer])} if "
            f"usable memory is {LABEL_PERCENT}% less",
        ),
        (
            "Longest context",
            context_text(careful),
            f"{contexts}tokens for {units.count(plan.n_users, 'user')} on {n_gpus}",
        ),
        (
            "GPUs needed",
            _span([_gpus_text(fit) for fit in reversed(found)]),
            f"{needed}{plan.gpu}, for {users}",
        ),
        (
            "Memory per GPU",
            units.capacity(careful.min_memory_bytes),
            f"{memories}{units.decimal(careful.min_memory_bytes)}, for {users}; "
            f"{units.decimal(careful.memory_in_all)} on {n_gpus}",
        ),
    ]


def weights_error(plan: Plan) -> str | None:
    """That the weights leave no room for a cache, with the numbers; None where they do."""
    shown = plan.shown
    if shown.kv_budget_bytes > 0:
        return None
    enough, most = shown.min_gpus(1, 1), valid_tp_sizes(shown.model)[-1]
    remedy = (
        f"From {units.count(enough, 'GPU')} on there is room."
        if enough
        else f"Not even {units.count(most, 'GPU')}, the most that can split the heads, do."
    )
    return (
        f"The weights do not fit: {units.decimal(shown.weight_bytes)} over "
        f"{units.count(shown.n_gpus, 'GPU')} are "
        f"{units.decimal(float(shown.weight_bytes_per_gpu))} on each, and "
        f"{_utilisation(shown)} of {units.decimal(shown.memory_bytes)} are "
        f"{units.decimal(float(shown.memory_bytes * shown.utilisation))}. {remedy}"
    )


def ties_sentence(plan: Plan) -> str | None:
    """Which variants take the same on a GPU, so that one line hides another; None where none do."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for variant in plan.deployments:
        taken = tuple(fit.sequence_bytes for fit in fits(plan, variant))
        alike.setdefault(taken, []).append(variant)
    told = [" and ".join(names) for names in alike.values() if len(names) > 1]
    if not told:
        return None
    n_gpus = units.count(plan.shown.n_gpus, "GPU")
    return f"On {n_gpus} a sequence of {'; of '.join(told)} takes the same: one line hides another."


def arithmetic(plan: Plan) -> Iterator[str]:
    """The formulas with the plan's numbers put in, a line each; once more for each reading."""
    shown = plan.shown
    yield (
        f"**Room for the cache** on each GPU: {units.exact_bytes(shown.memory_bytes)} x "
        f"{_utilisation(shown)} - {units.exact_bytes(shown.weight_bytes)} of weights / "
        f"{units.count(shown.n_gpus, 'GPU')} = {_room(shown)}"
    )
    found = fits(plan, plan.variant)
    for fit in found:
        if len(found) > 1:
            yield f"**{fit.policy.capitalize()}**, {POLICIES[fit.policy]}:"
        yield _sequence_line(plan, fit)
        if shown.kv_budget_bytes > 0:
            yield _sequences_line(fit)
            yield _context_line(plan, fit)
        yield _gpus_line(plan, fit)
        yield _memory_line(plan, fit)


POLICIES = {
    "ideal": "a layer with a window keeps no more than its window",
    "as allocated": "every layer has slots for the whole context",
}


def answer(plan: Plan) -> str:
    """The page's answer in a sentence; a fit is on paper, since labels are off."""
    found = fits(plan, plan.variant)
    users = units.count(plan.n_users, "user")
    needed = (
        f"{users} at {plan.context_len} tokens need "
        f"{_span([_gpus_text(fit) for fit in reversed(found)])} of these GPUs."
    )
    if fault := weights_error(plan):
        return f"{fault} {needed}"
    sequences = _span([f"{fit.max_sequences:,}" for fit in found])
    contexts = _span([context_text(fit) for fit in found])
    return (
        f"On paper, {plan.shown.n_gpus} x {plan.gpu} at {_utilisation(plan.shown)} with "
        f"{units.decimal(plan.shown.weight_bytes)} of weights hold {sequences} {plan.variant} "
        f"sequences of {plan.context_len} tokens; the longest context for {users} is {contexts}; "
        f"{needed}"
    )


def _sequence_line(plan: Plan, fit: CapacityResult) -> str:
    shown = plan.shown
    terms = []
    for run in shown.model_per_gpu:
        n_tokens = plan.context_len if fit.as_allocated else run.cached_tokens(plan.context_len)
        per_token = layer_bytes_per_token(run.attention, shown.kv_format)
        terms.append(
            f"{units.count(run.n_layers, 'layer')} x {units.exact_bytes(per_token)} "
            f"({_elements(run.attention)} elements in {shown.kv_format}) x {n_tokens} tokens"
        )
    return (
        f"**One sequence** of {plan.context_len} tokens on each GPU: {' + '.join(terms)} = "
        f"{units.exact_bytes(fit.sequence_bytes)} = {units.binary_and_decimal(fit.sequence_bytes)}"
    )


def _sequences_line(fit: CapacityResult) -> str:
    ratio = float(fit.deployment.kv_budget_bytes / fit.sequence_bytes)
    return (
        f"**Sequences that fit**: {_room(fit.deployment)} / "
        f"{units.exact_bytes(fit.sequence_bytes)} = {ratio:,.2f}, so {fit.max_sequences:,} whole"
    )


def _context_line(plan: Plan, fit: CapacityResult) -> str:
    def takes(n_tokens: int) -> str:
        n_bytes = fit.deployment.sequence_bytes(n_tokens, as_allocated=fit.as_allocated)
        return units.exact_bytes(n_bytes)

    users = units.count(plan.n_users, "user")
    each = units.exact_bytes(int(fit.deployment.kv_budget_bytes / plan.n_users))
    head = f"**Longest context** for {users}: room / {plan.n_users} = {each} for each; "
    longest = fit.max_context_len
    if longest is None:
        return f"{head}full windows take {takes(MAX_CONTEXT_LEN)}, so no context is too long"
    if longest == MAX_CONTEXT_LEN:
        return f"{head}{longest:,} tokens, the most that is asked here, take {takes(longest)}"
    if longest == 0:
        return f"{head}one token takes {takes(1)}, so not even that fits"
    return f"{head}{longest:,} tokens take {takes(longest)}, one more {takes(longest + 1)}"


def _gpus_line(plan: Plan, fit: CapacityResult) -> str:
    on = valid_tp_sizes(fit.deployment.model)
    asked = f"{units.count(plan.n_users, 'user')} at {plan.context_len} tokens"
    tried = fit.min_gpus or on[-1]
    there = replace(fit.deployment, n_gpus=tried)
    cache = plan.n_users * there.sequence_bytes(plan.context_len, as_allocated=fit.as_allocated)
    verdict = (
        f"{units.count(tried, 'GPU')}"
        if fit.min_gpus
        else f"none is enough, since more do not make a GPU's part smaller: on {tried}"
    )
    return (
        f"**GPUs needed** for {asked}, of those numbers that split the heads "
        f"({', '.join(map(str, on))}): {verdict}; each caches {units.exact_bytes(cache)} and has "
        f"{_room(there) if there.kv_budget_bytes > 0 else 'no'} room"
    )


def _memory_line(plan: Plan, fit: CapacityResult) -> str:
    shown = fit.deployment
    in_all = f"; x {shown.n_gpus} in all = {units.binary_and_decimal(fit.memory_in_all)}"
    return (
        f"**Memory needed** on each GPU: ({plan.n_users} x "
        f"{units.exact_bytes(fit.sequence_bytes)} + {units.exact_bytes(shown.weight_bytes)} / "
        f"{shown.n_gpus}) / {_utilisation(shown)} = {units.exact_bytes(fit.min_memory_bytes)} = "
        f"{units.binary_and_decimal(fit.min_memory_bytes)}{in_all if shown.n_gpus > 1 else ''}"
    )


def _elements(attention: AttentionConfig) -> str:
    if not isinstance(attention, GroupedConfig):
        return f"{attention.kv_lora_rank} + {attention.qk_rope_head_dim}"
    heads = units.count(attention.n_kv_heads, "K/V head")
    if attention.v_head_dim == attention.head_dim:
        return f"2 x {heads} x {attention.head_dim}"
    return f"{heads} x ({attention.head_dim} + {attention.v_head_dim})"


def _gpus_text(fit: CapacityResult) -> str:
    """How many GPUs, or more than can split the heads."""
    return str(fit.min_gpus or f"more than {valid_tp_sizes(fit.deployment.model)[-1]}")


def _room(deployment: Deployment) -> str:
    return units.exact_bytes(int(deployment.kv_budget_bytes))


def _utilisation(deployment: Deployment) -> str:
    return units.percent(float(deployment.utilisation))


def _span(texts: Sequence[str]) -> str:
    """One text where all are the same, the first and the last where not."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"
