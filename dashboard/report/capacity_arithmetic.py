"""The arithmetic of a plan with its numbers filled in, one line per formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dashboard.data.capacity import AS_ALLOCATED, IDEAL, CapacityResult, Plan, engine_label, fits
from dashboard.report.part_terms import besides_terms
from gqa_core import units
from gqa_core.configs import MAX_CONTEXT_LEN, AttentionConfig, GroupedConfig, LayerGroup
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.engines import engine
from gqa_core.theory.memory import layer_bytes_per_token


def arithmetic(plan: Plan) -> Iterator[str]:
    """The formulas with the plan's numbers filled in, one per line, for each engine."""
    shown = plan.shown
    yield (
        f"**Room for the cache** on each GPU: {units.exact_bytes(shown.memory_bytes)} x "
        f"{utilisation_text(shown)} - {units.exact_bytes(shown.weight_bytes)} of weights / "
        f"{units.count(shown.n_gpus * shown.pp, 'GPU')} - "
        f"{units.exact_bytes(shown.overhead_bytes)} that the engine takes besides = "
        f"{room_text(shown)}"
    )
    results = fits(plan, plan.variant)
    for fit in results:
        if len(results) > 1:
            yield f"**{_capitalised(engine_label(fit.engine))}**, {_rule(fit)}:"
        yield _sequence_line(plan, fit)
        if shown.kv_budget_bytes > 0:
            yield _sequences_line(fit)
            yield _context_line(plan, fit)
        yield _gpus_line(plan, fit)
        yield _memory_line(plan, fit)


def room_text(deployment: Deployment) -> str:
    """Bytes per GPU for the cache."""
    return units.exact_bytes(int(deployment.kv_budget_bytes))


def utilisation_text(deployment: Deployment) -> str:
    """The utilisation in percent: "90%"."""
    return units.percent(float(deployment.utilisation))


def world_on(deployment: Deployment, n_gpus: int) -> int:
    """All GPUs of the deployment with so many of them tensor parallel."""
    return replace(deployment, n_gpus=n_gpus).world


def _rule(fit: CapacityResult) -> str:
    """The rules of a result's engine as one clause."""
    return "; ".join(rule.text for rule in engine(fit.engine).rules)


def _capitalised(name: str) -> str:
    return f"{name[0].upper()}{name[1:]}" if name in ("ideal", "as allocated") else name


def _sequence_line(plan: Plan, fit: CapacityResult) -> str:
    head = f"**One sequence** of {plan.context_len} tokens on each GPU: "
    total = (
        f"{units.exact_bytes(fit.sequence_bytes)} = {units.binary_and_decimal(fit.sequence_bytes)}"
    )
    if fit.engine in (IDEAL, AS_ALLOCATED):
        return f"{head}{' + '.join(_terms(plan, fit))} = {total}"
    parts = fit.deployment.allocation(plan.context_len).parts
    terms = (f"{units.exact_bytes(part.allocated_bytes)} of {part.kind}" for part in parts)
    return f"{head}{' + '.join(terms)} = {total}"


def _terms(plan: Plan, fit: CapacityResult) -> list[str]:
    """Layers x bytes x tokens of each group of layers, and what they keep besides."""
    model, kv_format = fit.deployment.model_per_gpu, fit.deployment.kv_format
    on_gpu, terms = plan.one_sequence.context_len, []
    for group in model:
        n_tokens = on_gpu if fit.engine == AS_ALLOCATED else group.cached_tokens(on_gpu)
        per_token = layer_bytes_per_token(group.attention, kv_format)
        terms.append(
            f"{units.count(group.n_caches, _cache_noun(group))} x {units.exact_bytes(per_token)} "
            f"({_elements(group.attention)} elements in {kv_format}) x {n_tokens} tokens"
        )
    return [*terms, *besides_terms(model, kv_format, on_gpu)]


def _sequences_line(fit: CapacityResult) -> str:
    dp = fit.deployment.dp
    ratio = float(fit.deployment.kv_budget_bytes / fit.sequence_bytes)
    ranks = f" on each of {dp} data-parallel ranks: {fit.max_sequences:,} in all" if dp > 1 else ""
    return (
        f"**Sequences that fit**: {room_text(fit.deployment)} / "
        f"{units.exact_bytes(fit.sequence_bytes)} = {ratio:,.2f}, so "
        f"{fit.max_sequences // dp:,} whole{ranks}"
    )


def _context_line(plan: Plan, fit: CapacityResult) -> str:
    def size(n_tokens: int) -> str:
        return units.exact_bytes(fit.deployment.sequence_bytes(n_tokens))

    users = units.count(plan.n_users, "user")
    on_rank = fit.deployment.sequences_per_rank(plan.n_users)
    each = units.exact_bytes(int(fit.deployment.kv_budget_bytes / on_rank))
    head = f"**Longest context** for {users}: room / {on_rank} = {each} for each; "
    longest = fit.max_context_len
    if longest is None:
        return f"{head}full windows take {size(MAX_CONTEXT_LEN)}, so no context is too long"
    if longest == MAX_CONTEXT_LEN:
        return f"{head}{longest:,} tokens, the longest context here, take {size(longest)}"
    if longest == 0:
        return f"{head}one token takes {size(1)}, so not even that fits"
    return f"{head}{longest:,} tokens take {size(longest)}, one more {size(longest + 1)}"


def _gpus_line(plan: Plan, fit: CapacityResult) -> str:
    tp_sizes = [each.n_gpus for each in fit.deployment.splits()]
    demand = f"{units.count(plan.n_users, 'user')} at {plan.context_len} tokens"
    deployment = replace(fit.deployment, n_gpus=fit.min_gpus or tp_sizes[-1])
    on_rank = deployment.sequences_per_rank(plan.n_users)
    cache = on_rank * deployment.sequence_bytes(plan.context_len)
    verdict = (
        f"{units.count(deployment.world, 'GPU')}"
        if fit.min_gpus
        else "none is enough, since more GPUs do not make the part of each smaller: on "
        f"{deployment.world}"
    )
    return (
        f"**GPUs needed** for {demand}, among the numbers that split the heads "
        f"({', '.join(map(str, tp_sizes))}): {verdict}; each caches {units.exact_bytes(cache)} and "
        f"has {room_text(deployment) if deployment.kv_budget_bytes > 0 else 'no'} room"
    )


def _memory_line(plan: Plan, fit: CapacityResult) -> str:
    shown = fit.deployment
    in_all = f"; x {shown.world} in all = {units.binary_and_decimal(fit.memory_in_all)}"
    return (
        f"**Memory needed** on each GPU: ({shown.sequences_per_rank(plan.n_users)} x "
        f"{units.exact_bytes(fit.sequence_bytes)} + {units.exact_bytes(shown.weight_bytes)} / "
        f"{shown.n_gpus * shown.pp} + {units.exact_bytes(shown.overhead_bytes)}) / "
        f"{utilisation_text(shown)} = {units.exact_bytes(fit.min_memory_bytes)} = "
        f"{units.binary_and_decimal(fit.min_memory_bytes)}{in_all if shown.world > 1 else ''}"
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
