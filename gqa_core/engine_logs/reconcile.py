"""Holds the formula against the figures that an engine's log reports.

Each reported figure stands beside the formula's, with the difference. Memory over tokens is the
bytes per token that the log implies, known to within the rounding of the print and one block. If
the formula is outside, the assumption that explains the gap is searched for; more than one may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from gqa_core import units
from gqa_core.configs import GroupedConfig, ModelConfig, RecurrentState, Workload
from gqa_core.engine_logs.explain import Explanation, Verdict, explain
from gqa_core.engine_logs.hypotheses import hypotheses
from gqa_core.engine_logs.log import CachePool, EngineLog, EngineStart
from gqa_core.engine_logs.request_fit import RequestFit, fit_requests
from gqa_core.engine_logs.serving import Serving
from gqa_core.theory.parts import state_bytes, total_bytes
from gqa_core.theory.sharding import shard_model

__all__ = ["ReconcileRow", "Reconciliation", "reconcile"]

RowUnit = Literal["bytes", "tokens", "times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRow:
    """One figure: the formula's, the reported one, and the interval that its print stands for."""

    quantity: str
    unit: RowUnit
    formula: float
    reported: float
    least: float
    most: float

    @property
    def difference(self) -> float:
        """The reported figure over the formula's, less 1."""
        return self.reported / self.formula - 1 if self.formula else float("inf")

    @property
    def agrees(self) -> bool:
        """True if the formula's figure prints like the reported one."""
        return self.least <= self.formula <= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """A log held against a model.

    `explanations` has at least one entry per pool; several of the same pool are alternatives.
    `fit` is the fixed cost of a request and its cost per token, if the log has two lengths.
    """

    rows: tuple[ReconcileRow, ...]
    explanations: tuple[Explanation, ...]
    fit: RequestFit | None
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """That of the pool which is explained least."""
        order: tuple[Verdict, ...] = ("not explained", "explained", "agrees")
        verdicts = {entry.verdict for entry in self.explanations}
        return next((verdict for verdict in order if verdict in verdicts), "not explained")


def reconcile(
    log: EngineLog,
    model: ModelConfig,
    *,
    kv_format: str | None = None,
    tp: int | None = None,
    dcp: int | None = None,
    pp: int | None = None,
    max_context_len: int | None = None,
    default_kv_format: str = "bf16",
) -> Reconciliation:
    """The figures of the log's last complete start beside those of the formula.

    Sizes that are given go before those that the log prints. `max_context_len` is the model's own,
    for logs that print no length, and `default_kv_format` the format that its files ask for.

    Raises:
        ValueError: the log has no figures, or the sizes or the format are not for this model.
    """
    start = log.last_start
    if not (start.pools or start.requests):
        raise ValueError(
            "log must print memory for the cache and the tokens in it: got "
            f"{log.n_known_lines} known lines without them"
        )
    printed = start.parallelism
    pp = pp or printed.pp
    ranks = printed.world_size // (pp or 1) if printed.world_size else None
    serving = Serving(
        engine=log.engine,
        kv_format=kv_format or start.kv_format,
        default_kv_format=default_kv_format,
        tp=tp or printed.tp or ranks or (1 if log.engine == "llama.cpp" else None),
        dcp=dcp or printed.dcp,
        pp=pp,
        dp=printed.dp,
        max_model_len=start.model_len or max_context_len,
        batched_tokens=start.max_batched_tokens,
    )
    rows: list[ReconcileRow] = []
    explanations: list[Explanation] = []
    for pool in start.pools:
        pool_rows, pool_explanations = _reconcile_pool(pool, model, serving, start)
        rows += pool_rows
        explanations += pool_explanations
    rows += _request_rows(start, model, serving)
    if not start.pools:
        explanations += explain(None, model, serving, start)
    requests = [request for each in log.starts for request in each.requests]
    return Reconciliation(
        rows=tuple(rows),
        explanations=tuple(explanations),
        fit=fit_requests(requests),
        notes=tuple(_notes(model, serving, start)),
    )


def _reconcile_pool(
    pool: CachePool, model: ModelConfig, serving: Serving, start: EngineStart
) -> tuple[list[ReconcileRow], list[Explanation]]:
    if pool.kind == "states":
        return _reconcile_states(pool, model, serving)
    serving = replace(serving, kv_format=_pool_format(pool, model) or serving.kv_format)
    formula = next(hypotheses(model, serving, pool.kind), None)
    if formula is None:
        unknown = Explanation(
            pool=pool.kind, verdict="not explained", bytes_per_token=None, assumptions=()
        )
        return [], [unknown]
    rows = [
        ReconcileRow(
            quantity=f"bytes per token and GPU, {pool.kind}",
            unit="bytes",
            formula=formula.slot_bytes,
            reported=pool.bytes_per_token,
            least=pool.least_bytes_per_token,
            most=pool.most_bytes_per_token,
        ),
        ReconcileRow(
            quantity=f"tokens, {pool.kind}",
            unit="tokens",
            formula=pool.size.n_bytes / formula.slot_bytes,
            reported=pool.n_tokens,
            least=pool.n_tokens - pool.n_tokens * pool.size.rounding_bytes / pool.size.n_bytes,
            most=(pool.n_tokens + pool.slack_tokens)
            * (1 + pool.size.rounding_bytes / pool.size.n_bytes),
        ),
    ]
    return rows, explain(pool, model, serving, start)


def _pool_format(pool: CachePool, model: ModelConfig) -> str | None:
    """The format that a pool prints: one name, or those of K and V."""
    if pool.k_format is None or pool.v_format is None or pool.k_format == pool.v_format:
        return pool.k_format
    has_values = pool.v_size is None or pool.v_size.n_bytes > 0
    is_latent = any(group.attention.variant == "MLA" for group in model)
    return pool.k_format if is_latent or not has_values else f"{pool.k_format},{pool.v_format}"


def _request_rows(
    start: EngineStart, model: ModelConfig, serving: Serving
) -> Iterator[ReconcileRow]:
    formula = next(hypotheses(model, serving, "all layers"), None)
    for request in start.requests:
        if formula is None:
            return
        per_request = total_bytes(
            formula.rank, Workload(context_len=request.model_len), formula.kv_format
        )
        yield ReconcileRow(
            quantity=f"memory per request of {request.model_len:,} tokens, per GPU",
            unit="bytes",
            formula=per_request / formula.dcp,
            reported=request.n_bytes,
            least=request.least_bytes,
            most=request.most_bytes,
        )
    if start.max_concurrency and start.model_len and formula and len(start.pools) == 1:
        all_tokens = formula.slot_bytes * start.model_len
        yield ReconcileRow(
            quantity=f"sequences of {start.model_len:,} tokens",
            unit="times",
            formula=start.pools[0].size.n_bytes / all_tokens,
            reported=start.max_concurrency,
            least=start.max_concurrency - 0.01,
            most=start.max_concurrency + 0.01,
        )


def _reconcile_states(
    pool: CachePool, model: ModelConfig, serving: Serving
) -> tuple[list[ReconcileRow], list[Explanation]]:
    """States of the pool's sequences; engines keep one more, that is only written to."""
    rank = shard_model(model, serving.tp or 1)
    n_bytes = state_bytes(rank)
    row = ReconcileRow(
        quantity="bytes per state and GPU",
        unit="bytes",
        formula=n_bytes,
        reported=pool.bytes_per_token,
        least=pool.least_bytes_per_token,
        most=pool.most_bytes_per_token,
    )
    widths = {(4, 4): "convolution in fp32", (2, 2): "recurrence in 16 bit"}
    variants: list[tuple[tuple[str, ...], int]] = [((), n_bytes)]
    for (conv, recurrent), note in widths.items():
        states = tuple(_with_widths(state, conv, recurrent) for state in rank.states)
        variants.append(((note,), state_bytes(replace(rank, states=states))))
    matches = [(notes, size) for notes, size in variants if pool.allows(size)]
    notes, size = matches[0] if matches else ((), None)
    verdict: Verdict = "not explained" if size is None else "explained" if notes else "agrees"
    return [row], [
        Explanation(pool="states", verdict=verdict, bytes_per_token=size, assumptions=notes)
    ]


def _with_widths(state: RecurrentState, conv: int, recurrent: int) -> RecurrentState:
    return replace(state, conv_element_bytes=conv, recurrent_element_bytes=recurrent)


def _notes(model: ModelConfig, serving: Serving, start: EngineStart) -> Iterator[str]:
    """Facts that no figure shows: copies, and what the engine takes besides."""
    grouped = [g.attention for g in model if isinstance(g.attention, GroupedConfig)]
    heads = max((attention.n_kv_heads for attention in grouped), default=0)
    tp = (serving.tp or 1) // (serving.dcp or 1)
    if heads and tp > heads:
        yield f"each K/V head is kept {tp // heads} times: tp {tp} is above {heads} K/V heads"
    if not heads and tp > 1:
        yield f"each of {tp} GPUs keeps the whole latent"
    if start.overhead_bytes is not None:
        overhead = units.capacity(start.overhead_bytes)
        yield f"the engine takes {overhead} per GPU besides weights and cache"
