"""The caches of all variants as they fill the memory of one GPU, token by token.

Users come one after the other: each brings `context_len` tokens, and the last as many as are left.
All sizes are those of `gqa_core.theory.capacity`, by the ideal engine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from dashboard.data.borrowed_weights import Weights
from dashboard.data.capacity import IDEAL, Plan
from dashboard.settings.model import ModelSettings
from dashboard.settings.splits import tp_sizes
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.overhead import engine_overhead

N_FRAMES = 12
GROWTH = 2.5  # tokens of frame i grow as i to this power, so that every variant has its moment
UTILISATION = Fraction(9, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledRow:
    """One variant: its cache in each frame, in bytes per GPU, and the frame's number of users.

    It is full at `full_tokens` tokens of all users together, of whom `n_users` have all of theirs.
    """

    full_tokens: int
    n_users: int
    cache_bytes: tuple[int, ...]
    users: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuFill:
    """The memory of one of `n_gpus` equal GPUs in bytes, and the cache of each variant in it.

    `tokens` are the tokens cached in each frame, up to where the last variant is full.
    """

    gpu: str
    n_gpus: int
    memory_bytes: int
    weight_bytes: float
    budget_bytes: float
    context_len: int
    tokens: tuple[int, ...]
    rows: Mapping[str, FilledRow]


def fewest_gpus_plan(
    settings: ModelSettings,
    weights: Weights,
    *,
    gpu: str,
    memory_bytes: int,
    gpu_source: str | None,
) -> Plan:
    """The fewest of these GPUs that hold the weights and can split every variant.

    If no number of GPUs is enough, it is the most that can split them.
    """
    overhead = engine_overhead(IDEAL)
    known = weights.n_bytes or 0
    room = memory_bytes * UTILISATION - overhead.expected_bytes
    sizes = tp_sizes(settings.models.values(), IDEAL)
    n_gpus = next((size for size in sizes if Fraction(known, size) < room), sizes[-1])
    return Plan(
        gpu=gpu,
        gpu_source=gpu_source,
        variant=settings.own_variant,
        context_len=settings.context_len,
        n_users=settings.batch_size,
        safe_overhead_bytes=overhead.safe_bytes,
        weights_known=weights.n_bytes is not None,
        weights_note=weights.note or weights.refusal,
        deployments={
            name: Deployment(
                memory_bytes=memory_bytes,
                weight_bytes=known,
                model=model,
                kv_format=settings.kv_format,
                n_gpus=n_gpus,
                utilisation=UTILISATION,
                overhead_bytes=overhead.expected_bytes,
            )
            for name, model in settings.models.items()
        },
    )


def gpu_fill(plan: Plan) -> GpuFill | None:
    """The frames of a plan; None if its weights are not known or leave no room."""
    shown = plan.shown
    if not plan.weights_known or shown.kv_budget_bytes <= 0:
        return None
    ends = {name: _full(each, plan.context_len) for name, each in plan.deployments.items()}
    tokens = frame_tokens(max(ends.values()))
    return GpuFill(
        gpu=plan.gpu,
        n_gpus=shown.world,
        memory_bytes=shown.memory_bytes,
        weight_bytes=float(shown.weight_bytes_per_gpu),
        budget_bytes=float(shown.kv_budget_bytes),
        context_len=plan.context_len,
        tokens=tokens,
        rows={
            name: _row(each, plan.context_len, ends[name], tokens)
            for name, each in plan.deployments.items()
        },
    )


def frame_tokens(most: int) -> tuple[int, ...]:
    """The tokens cached in each frame, from none to `most`."""
    last = N_FRAMES - 1
    return tuple(round(most * (index / last) ** GROWTH) for index in range(N_FRAMES))


def _full(deployment: Deployment, context_len: int) -> int:
    """Tokens of all users together that fit, the last user's included."""
    n_users = deployment.max_sequences(context_len)
    left = floor(deployment.kv_budget_bytes) - n_users * deployment.sequence_bytes(context_len)
    lengths_of_last = range(1, context_len)
    rest = bisect_right(lengths_of_last, left, key=deployment.sequence_bytes)
    return n_users * context_len + rest


def _row(
    deployment: Deployment, context_len: int, full_tokens: int, tokens: tuple[int, ...]
) -> FilledRow:
    counts = [divmod(min(n, full_tokens), context_len) for n in tokens]
    user_bytes = deployment.sequence_bytes(context_len)
    return FilledRow(
        full_tokens=full_tokens,
        n_users=full_tokens // context_len,
        cache_bytes=tuple(
            users * user_bytes + (deployment.sequence_bytes(rest) if rest else 0)
            for users, rest in counts
        ),
        users=tuple(users for users, _ in counts),
    )
