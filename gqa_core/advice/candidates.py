"""The candidates: every number of K/V heads that divides the query heads, and MLA at some ranks.

Users that fit follow from the room for a cache and the engine's rules, as on the page Capacity. The
predicted time of a step is that of reading this GPU's weights and caches once at the bandwidth on
the label. A dense model's real step is longer: no kernel reaches the label, and nothing else is
counted. A mixture of experts with few users reads less, since some experts get no token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from gqa_core import units
from gqa_core.advice.request import AdviceRequest
from gqa_core.advice.weights import extra_weight_bytes
from gqa_core.configs import (
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    Variant,
    Workload,
)
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.kv_heads import main_attention, with_kv_heads, with_latent
from gqa_core.theory.parallelism import Parallelism, gpu_model
from gqa_core.theory.per_gpu import per_gpu_size

__all__ = [
    "Candidate",
    "Failure",
    "Limit",
    "Sizes",
    "candidate_model",
    "deployment",
    "list_candidates",
]

Limit = Literal["tp", "kv_format", "users", "ms per token"]
NEVER = float("inf")  # how far a candidate is from a limit that no number moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A limit that a candidate does not meet: the sentence with both figures, and by what factor.

    `factor` is above 1: the figure over the limit, or the limit over the figure.
    """

    limit: Limit
    reason: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The memory that a candidate takes and the users that fit, by formula.

    `max_users` fit at the requested context with the overhead to expect, `safe_users` with the one
    to count on, which decides, and `max_users_as_allocated` if windows save nothing.
    `max_context_len` is that of the requested users; None is no limit. Bytes are per GPU:
    `sequence_bytes` of one user, `cache_bytes` of the requested users, `read_bytes` those of a
    step, weights included. `kv_copies` GPUs keep the same byte. `step_s` is None without a
    bandwidth.
    """

    max_users: int
    safe_users: int
    max_users_as_allocated: int
    max_context_len: int | None
    sequence_bytes: int
    cache_bytes: int
    kv_copies: int
    weight_bytes: int
    read_bytes: int
    step_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A number of K/V heads, or a rank of MLA, on the requested GPUs.

    `extra_weight_bytes` are the most that its weights take more than those given, of the whole
    model. `sizes` is None if it cannot be split or stored so; `failures` says why it does not pass.
    """

    attention: AttentionConfig
    is_own: bool
    extra_weight_bytes: int
    sizes: Sizes | None
    failures: tuple[Failure, ...]

    @property
    def variant(self) -> Variant:
        """MHA, GQA, MQA or MLA."""
        return self.attention.variant

    @property
    def n_kv_heads(self) -> int | None:
        """K/V heads; None for MLA, which has none."""
        return self.attention.n_kv_heads if isinstance(self.attention, GroupedConfig) else None

    @property
    def q_per_kv(self) -> int | None:
        """Query heads per K/V head; None for MLA."""
        return self.attention.q_per_kv if isinstance(self.attention, GroupedConfig) else None

    @property
    def kv_lora_rank(self) -> int | None:
        """Width of MLA's latent; None for the others."""
        return self.attention.kv_lora_rank if isinstance(self.attention, LatentConfig) else None

    @property
    def name(self) -> str:
        """The candidate in a sentence: "4 K/V heads", "MLA with a latent of 512"."""
        if isinstance(self.attention, LatentConfig):
            return f"MLA with a latent of {self.attention.kv_lora_rank}"
        return units.count(self.attention.n_kv_heads, "K/V head")

    @property
    def can_pass(self) -> bool:
        """True if it meets every limit."""
        return not self.failures

    @property
    def distance(self) -> float:
        """The largest factor by which it misses a limit; 1 if it misses none."""
        return max((failure.factor for failure in self.failures), default=1.0)


def list_candidates(request: AdviceRequest) -> tuple[Candidate, ...]:
    """Every candidate, most K/V heads first, then MLA with the widest latent first.

    Raises:
        ValueError: the request's model, engine or format is not known.
    """
    return _candidates(request, request.model.family)


def deployment(request: AdviceRequest, model: ModelConfig, extra: int = 0) -> Deployment:
    """The model on the request's GPUs, with `extra` bytes of weights besides those given.

    Raises:
        ValueError: the model cannot be split or stored so.
    """
    return Deployment(
        memory_bytes=request.memory_bytes,
        weight_bytes=request.total_weight_bytes + extra,
        model=model,
        kv_format=request.kv_format,
        n_gpus=request.tp,
        utilisation=request.utilisation,
        overhead_bytes=request.overhead_bytes,
        engine=request.engine,
    )


def candidate_model(request: AdviceRequest, candidate: Candidate) -> ModelConfig:
    """The request's model as a candidate."""
    if isinstance(candidate.attention, LatentConfig):
        return with_latent(request.model, candidate.attention.kv_lora_rank)
    return with_kv_heads(request.model, candidate.attention.n_kv_heads)


@lru_cache(maxsize=64)  # a page asks again at every rerun
def _candidates(request: AdviceRequest, family: str) -> tuple[Candidate, ...]:
    """The candidates; models of two families are equal, so it is an argument."""
    return tuple(_candidate(request, model) for model in _models(request))


def _models(request: AdviceRequest) -> Iterator[ModelConfig]:
    n_heads = request.attention.n_heads
    for n_kv_heads in range(n_heads, 0, -1):
        if n_heads % n_kv_heads == 0:
            yield with_kv_heads(request.model, n_kv_heads)
    for rank in request.ranks:
        yield with_latent(request.model, rank)


def _candidate(request: AdviceRequest, model: ModelConfig) -> Candidate:
    attention = main_attention(model)
    assert attention is not None
    extra = extra_weight_bytes(_weighed_model(request), model, request.weight_bytes_per_param)
    sizes, failure = _sizes(request, model, extra)
    failures: tuple[Failure, ...] = (failure,) if failure else ()
    if sizes is not None:
        failures = (*_users_failure(request, model, sizes, extra), *_step_failure(request, sizes))
    return Candidate(
        attention=attention,
        is_own=attention == request.attention,
        extra_weight_bytes=extra,
        sizes=sizes,
        failures=failures,
    )


def _weighed_model(request: AdviceRequest) -> ModelConfig:
    """The model that the given weights belong to; with a single K/V head if nobody knows."""
    if isinstance(request.attention, LatentConfig):
        return request.model
    return with_kv_heads(request.model, request.weights_kv_heads or 1)


def _sizes(
    request: AdviceRequest, model: ModelConfig, extra: int
) -> tuple[Sizes | None, Failure | None]:
    """The sizes of a candidate, or why it has none."""
    split = Parallelism(tp=request.tp)
    try:
        gpu_model(model, split)
    except ValueError as error:
        return None, Failure(limit="tp", reason=str(error), factor=NEVER)
    try:
        planned = deployment(request, model, extra)
    except ValueError as error:
        return None, Failure(limit="kv_format", reason=str(error), factor=NEVER)
    workload = Workload(context_len=request.context_len, batch_size=request.step_users)
    per_gpu = per_gpu_size(model, workload, request.kv_format, split)
    weight_bytes = -(-planned.weight_bytes // request.tp)
    read_bytes = weight_bytes + per_gpu.total_bytes_per_gpu
    sequence_bytes = planned.sequence_bytes(request.context_len)
    bandwidth = request.bandwidth_bytes_per_s
    safe = replace(planned, overhead_bytes=request.safe_overhead_bytes)
    return Sizes(
        max_users=planned.max_sequences(request.context_len),
        safe_users=safe.max_sequences(request.context_len),
        max_users_as_allocated=planned.max_sequences(request.context_len, as_allocated=True),
        max_context_len=planned.max_context_len(request.step_users),
        sequence_bytes=sequence_bytes,
        cache_bytes=sequence_bytes * request.step_users,
        kv_copies=per_gpu.kv_copies,
        weight_bytes=weight_bytes,
        read_bytes=read_bytes,
        step_s=read_bytes / bandwidth if bandwidth else None,
    ), None


def _users_failure(
    request: AdviceRequest, model: ModelConfig, sizes: Sizes, extra: int
) -> Iterator[Failure]:
    """The failure to hold the requested users, at least one, with the overhead to count on."""
    wanted = request.n_users or 1
    if sizes.safe_users >= wanted:
        return
    planned = deployment(request, model, extra)
    if planned.kv_budget_bytes <= 0:
        weights = units.decimal(sizes.weight_bytes)
        usable = units.decimal(float(request.memory_bytes * request.utilisation))
        yield Failure(
            limit="users",
            reason=f"the weights leave no room for a cache: {weights} per GPU of {usable}",
            factor=NEVER,
        )
        return
    budget = replace(planned, overhead_bytes=request.safe_overhead_bytes).kv_budget_bytes
    yield Failure(
        limit="users",
        reason=_few_users_text(request, sizes, wanted),
        factor=float(wanted * sizes.sequence_bytes / budget) if budget > 0 else NEVER,
    )


def _few_users_text(request: AdviceRequest, sizes: Sizes, wanted: int) -> str:
    """The users that fit, those to count on if they are fewer, and those wanted."""
    users = units.count(sizes.max_users, "user")
    fit = "fits" if sizes.max_users == 1 else "fit"
    safe = f", {sizes.safe_users:,} to count on" if sizes.safe_users < sizes.max_users else ""
    tokens = units.count(request.context_len, "token")
    return f"{users} of {tokens} {fit}{safe}, {wanted:,} wanted"


def _step_failure(request: AdviceRequest, sizes: Sizes) -> Iterator[Failure]:
    """The failure to read weights and caches in the time of a step."""
    if request.max_step_s is None or sizes.step_s is None or sizes.step_s <= request.max_step_s:
        return
    yield Failure(
        limit="ms per token",
        reason=f"a step reads {units.decimal(sizes.read_bytes)} per GPU, which takes "
        f"{units.duration(sizes.step_s)} at the label's bandwidth, "
        f"{units.duration(request.max_step_s)} wanted",
        factor=sizes.step_s / request.max_step_s,
    )
