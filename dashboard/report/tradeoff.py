"""The lecture's trade-off table with live numbers: size, users and reading beside quality."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.data.borrowed_weights import TYPE_WEIGHTS
from dashboard.data.capacity import Plan
from dashboard.report.cache_sentences import states_sentence
from dashboard.report.columns import COUNT, GB, MS, Column, Table
from dashboard.settings.model import ModelSettings
from gqa_core import units
from gqa_core.catalog.devices import devices
from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.records.specs.training import divisors

LECTURE = {"MHA": "best", "GQA": "middle", "MQA": "worst", "MLA": "asks for the best"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeoff:
    """One variant by formula, and its quality in words; None where a number is not known.

    `read_s` is the shortest time in which a GPU reads its part of the cache.
    """

    variant: str
    cache_bytes: int
    n_users: int | None
    read_s: float | None
    quality: str


def tradeoff_table(
    settings: ModelSettings, plan: Plan, losses: Mapping[int, float]
) -> Table[Tradeoff]:
    """One row per variant; users and reading are those of the plan's GPUs.

    `losses` are the small model's by its K/V heads; GQA's is that of the nearest ratio of sharing.
    """
    rows = [_tradeoff(settings, plan, name, losses) for name in settings.models]
    return Table(COLUMNS, rows)


def tradeoff_caption(settings: ModelSettings, plan: Plan, percent: int) -> str:
    """The GPUs, the users and the qualities that the table's columns are about."""
    n_gpus = plan.shown.n_gpus
    gpus = f"one {plan.gpu}" if n_gpus == 1 else f"{n_gpus} {plan.gpu}"
    note = f"{plan.weights_note} " if plan.weights_note else ""
    if note and not plan.weights_known:
        note += f"{TYPE_WEIGHTS} "
    return (
        f"Users: of {settings.context_len} tokens each, on {gpus} beside the weights. {note}"
        f"Reading: the cache of {units.count(settings.batch_size, 'user')} once, at the bandwidth "
        "on the label; no step is faster. "
        "Quality: the lecture's word, then the held-out loss of a small model after "
        f"{percent}% of uptraining; lower is better, and it is not this model's."
    )


def answer(settings: ModelSettings) -> str:
    """The page's question answered in one line from the sliders."""
    if settings.keeps_states_alone:
        return states_sentence(settings)
    names = list(settings.models)
    n_bytes = [settings.cache_bytes(name, settings.context_len) for name in names]
    mha, *shared = zip(names, units.decimal_in_one_unit(n_bytes), strict=True)
    parts = [
        f"**{name} {size}** ({units.times(settings.reduction_vs_mha(name))} smaller)"
        for name, size in shared
    ]
    return f"For {settings.context_len} tokens {mha[0]} keeps {mha[1]}; {', '.join(parts)}."


def _tradeoff(
    settings: ModelSettings, plan: Plan, variant: str, losses: Mapping[int, float]
) -> Tradeoff:
    deployment = plan.deployments[variant]
    return Tradeoff(
        variant=variant,
        cache_bytes=settings.cache_bytes(variant, settings.context_len),
        n_users=deployment.max_sequences(settings.context_len) if plan.weights_known else None,
        read_s=_read_s(settings, plan, variant),
        quality=_quality(settings.variants[variant], losses),
    )


def _read_s(settings: ModelSettings, plan: Plan, variant: str) -> float | None:
    """Seconds to read one GPU's part of the cache once; None for a GPU of unknown bandwidth."""
    bandwidths = {device.name: device.bandwidth_bytes_per_s for device in devices()}
    if plan.gpu not in bandwidths:
        return None
    return settings.bytes_per_gpu(variant, plan.shown.n_gpus) / bandwidths[plan.gpu]


def _quality(attention: AttentionConfig, losses: Mapping[int, float]) -> str:
    """The lecture's word, and the small model's loss with its K/V heads if it has this variant."""
    word = f"{LECTURE[attention.variant]}, by the lecture"
    n_kv_heads = _nearest_small_model(attention, max(losses, default=1))
    loss = None if n_kv_heads is None else losses.get(n_kv_heads)
    if loss is None:
        return f"{word}; not measured"
    return f"{word}; {loss:.3f} nats, small model, {n_kv_heads} of {max(losses)}"


def _nearest_small_model(attention: AttentionConfig, n_heads: int) -> int | None:
    """K/V heads of the small model of `n_heads` of the same variant with the nearest ratio."""
    if not isinstance(attention, GroupedConfig):
        return None
    if attention.variant != "GQA":
        return n_heads if attention.variant == "MHA" else 1
    between = divisors(n_heads)[1:-1]
    target = math.log(n_heads / attention.q_per_kv)
    return min(between, key=lambda count: abs(math.log(count) - target), default=None)


COLUMNS = (
    Column[Tradeoff]("Variant", lambda tradeoff: tradeoff.variant),
    Column[Tradeoff]("Cache", lambda tradeoff: tradeoff.cache_bytes, GB),
    Column[Tradeoff]("Users that fit", lambda tradeoff: tradeoff.n_users, COUNT),
    Column[Tradeoff]("Reading, at least", lambda tradeoff: tradeoff.read_s, MS),
    Column[Tradeoff]("Quality", lambda tradeoff: tradeoff.quality),
)
