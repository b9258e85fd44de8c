"""Sentences of the capacity page: metrics, arithmetic with numbers filled in, and the answer."""

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
from dashboard.report.part_terms import besides_terms
from gqa_core import units
from gqa_core.configs import MAX_CONTEXT_LEN, AttentionConfig, GroupedConfig, LayerGroup
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.memory import layer_bytes_per_token
from gqa_core.theory.sharding import valid_tp_sizes


def metrics(plan: Plan) -> list[tuple[str, str, str]]:
    """The four answers for the variant shown; numbers that are too long for two are as allocated.

    `fits` lists as allocated first: it needs more memory and gives less context.
    """
    results = fits(plan, plan.variant)
    less = derated(plan.shown)
    fewer = [less.max_sequences(plan.context_len, as_allocated=fit.as_allocated) for fit in results]
    users = f"{units.count(plan.n_users, 'user')} at {plan.context_len} tokens"
    n_gpus = units.count(plan.shown.n_gpus, "GPU")
    sequences, needed, contexts, memories = "", "", "", ""
    allocated, ideal = results[0], results[-1]
    if len(results) > 1:
        sequences, needed = ("as allocated to ideal, ", "ideal to as allocated, ")
        contexts = f"as allocated ({context_text(ideal)} ideal), "
        memories = f"as allocated ({units.capacity(ideal.min_memory_bytes)} ideal), "
    return [
        (
            f"{plan.variant} sequences that fit",
            _span([f"{fit.max_sequences:,}" for fit in results]),
            f"{sequences}of {plan.context_len} tokens; "
            f"{_span([f'{count:,}' for count in fewer])} if usable memory is {LABEL_PERCENT}% less",
        ),
        (
            "Longest context",
            context_text(allocated),
            f"{contexts}tokens for {units.count(plan.n_users, 'user')} on {n_gpus}",
        ),
        (
            "GPUs needed",
            _span([_gpus_text(fit) for fit in reversed(results)]),
            f"{needed}{plan.gpu}, for {users}",
        ),
        (
            "Memory per GPU",
            units.capacity(allocated.min_memory_bytes),
            f"{memories}{units.decimal(allocated.min_memory_bytes)}, for {users}; "
            f"{units.decimal(allocated.memory_in_all)} on {n_gpus}",
        ),
    ]


def weights_error(plan: Plan) -> str | None:
    """A sentence that the weights leave no room for a cache; None if they do."""
    shown = plan.shown
    if shown.kv_budget_bytes > 0:
        return None
    enough, largest = shown.min_gpus(1, 1), valid_tp_sizes(shown.model)[-1]
    remedy = (
        f"They fit on {units.count(enough, 'GPU')}."
        if enough
        else f"Not even {units.count(largest, 'GPU')}, the most that split the heads, are enough."
    )
    return (
        f"The weights do not fit: {units.decimal(shown.weight_bytes)} over "
        f"{units.count(shown.n_gpus, 'GPU')} are "
        f"{units.decimal(float(shown.weight_bytes_per_gpu))} on each, and "
        f"{_utilisation(shown)} of {units.decimal(shown.memory_bytes)} are "
        f"{units.decimal(float(shown.memory_bytes * shown.utilisation))}. {remedy}"
    )


def missing_sentence(plan: Plan) -> str | None:
    """A sentence about what to type, and what is known without it; None if nothing is missing."""
    if plan.weights_known:
        return None
    results = fits(plan, plan.variant)
    sizes = _span([units.capacity(fit.sequence_bytes) for fit in reversed(results)])
    return (
        "The size of the weights is not known, so nothing can be said about what fits: type it "
        f"above, in GB. One {plan.variant} sequence of {plan.context_len} tokens takes {sizes} on "
        "each GPU whatever the weights are."
    )


def ties_sentence(plan: Plan) -> str | None:
    """A sentence about variants with equal bytes per GPU, whose lines coincide; None if none."""
    by_bytes: dict[tuple[int, ...], list[str]] = {}
    for variant in plan.deployments:
        n_bytes = tuple(fit.sequence_bytes for fit in fits(plan, variant))
        by_bytes.setdefault(n_bytes, []).append(variant)
    ties = [" and ".join(names) for names in by_bytes.values() if len(names) > 1]
    if not ties:
        return None
    n_gpus = units.count(plan.shown.n_gpus, "GPU")
    variants = "; of ".join(ties)
    return f"On {n_gpus} a sequence of {variants} takes equal bytes, so their lines coincide."


def arithmetic(plan: Plan) -> Iterator[str]:
    """The formulas with the plan's numbers filled in, one per line, for each allocation policy."""
    shown = plan.shown
    yield (
        f"**Room for the cache** on each GPU: {units.exact_bytes(shown.memory_bytes)} x "
        f"{_utilisation(shown)} - {units.exact_bytes(shown.weight_bytes)} of weights / "
        f"{units.count(shown.n_gpus, 'GPU')} = {_room(shown)}"
    )
    results = fits(plan, plan.variant)
    for fit in results:
        if len(results) > 1:
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
    """The page's answer in one sentence; a fit is on paper, since labels overstate memory."""
    results = fits(plan, plan.variant)
    users = units.count(plan.n_users, "user")
    needed = (
        f"{users} at {plan.context_len} tokens need "
        f"{_span([_gpus_text(fit) for fit in reversed(results)])} of these GPUs."
    )
    if error := weights_error(plan):
        return f"{error} {needed}"
    sequences = _span([f"{fit.max_sequences:,}" for fit in results])
    contexts = _span([context_text(fit) for fit in results])
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
            f"{units.count(run.n_caches, _cache_noun(run))} x {units.exact_bytes(per_token)} "
            f"({_elements(run.attention)} elements in {shown.kv_format}) x {n_tokens} tokens"
        )
    terms += besides_terms(shown.model_per_gpu, shown.kv_format, plan.context_len)
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
    def size(n_tokens: int) -> str:
        n_bytes = fit.deployment.sequence_bytes(n_tokens, as_allocated=fit.as_allocated)
        return units.exact_bytes(n_bytes)

    users = units.count(plan.n_users, "user")
    each = units.exact_bytes(int(fit.deployment.kv_budget_bytes / plan.n_users))
    head = f"**Longest context** for {users}: room / {plan.n_users} = {each} for each; "
    longest = fit.max_context_len
    if longest is None:
        return f"{head}full windows take {size(MAX_CONTEXT_LEN)}, so no context is too long"
    if longest == MAX_CONTEXT_LEN:
        return f"{head}{longest:,} tokens, the longest context here, take {size(longest)}"
    if longest == 0:
        return f"{head}one token takes {size(1)}, so not even that fits"
    return f"{head}{longest:,} tokens take {size(longest)}, one more {size(longest + 1)}"


def _gpus_line(plan: Plan, fit: CapacityResult) -> str:
    tp_sizes = valid_tp_sizes(fit.deployment.model)
    demand = f"{units.count(plan.n_users, 'user')} at {plan.context_len} tokens"
    tried = fit.min_gpus or tp_sizes[-1]
    deployment = replace(fit.deployment, n_gpus=tried)
    cache = plan.n_users * deployment.sequence_bytes(
        plan.context_len, as_allocated=fit.as_allocated
    )
    verdict = (
        f"{units.count(tried, 'GPU')}"
        if fit.min_gpus
        else f"none is enough, since more GPUs do not make the part of each smaller: on {tried}"
    )
    return (
        f"**GPUs needed** for {demand}, among the numbers that split the heads "
        f"({', '.join(map(str, tp_sizes))}): {verdict}; each caches {units.exact_bytes(cache)} and "
        f"has {_room(deployment) if deployment.kv_budget_bytes > 0 else 'no'} room"
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


def _cache_noun(group: LayerGroup) -> str:
    return "layer" if group.caches_per_layer == 1 else "cache"


def _elements(attention: AttentionConfig) -> str:
    if not isinstance(attention, GroupedConfig):
        return f"{attention.kv_lora_rank} + {attention.qk_rope_head_dim}"
    heads = units.count(attention.n_kv_heads, "K/V head")
    if attention.v_head_dim == attention.head_dim:
        return f"2 x {heads} x {attention.head_dim}"
    return f"{heads} x ({attention.head_dim} + {attention.v_head_dim})"


def _gpus_text(fit: CapacityResult) -> str:
    """The number of GPUs: "4", "more than 8" if none that splits the heads is enough."""
    return str(fit.min_gpus or f"more than {valid_tp_sizes(fit.deployment.model)[-1]}")


def _room(deployment: Deployment) -> str:
    return units.exact_bytes(int(deployment.kv_budget_bytes))


def _utilisation(deployment: Deployment) -> str:
    return units.percent(float(deployment.utilisation))


def _span(texts: Sequence[str]) -> str:
    """The first and the last text; only one if they are equal."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"
