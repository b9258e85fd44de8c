"""The lecture's trade-off table with live numbers: bytes and time beside the quality it claims."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.data.decode_rows import Row
from dashboard.report.columns import GIB, MS, NATS, TIMES, Column, Table
from dashboard.settings.model import ModelSettings
from gqa_core import units
from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.records.specs.training import divisors

LECTURE = {"MHA": "best", "GQA": "middle", "MQA": "worst", "MLA": "asks for the best"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeoff:
    """One variant: bytes by formula, times of this machine, a small model's loss; None if unknown.

    `small_model` says which small model the loss was measured with.
    """

    variant: str
    cache_bytes: int
    reduction: float
    read_s: float | None
    measured: Row | None
    loss: float | None
    small_model: str | None


def tradeoff_table(
    settings: ModelSettings, rows: Sequence[Row], losses: Mapping[int, float]
) -> Table[Tradeoff]:
    """One row per variant; times are empty where this machine has measured none.

    The read time is the cache over the read bandwidth that the newest of `rows` probed; the attend
    time is that of the newest usable one with this layer, context and batch, as it was measured.
    `losses` are the small model's by its K/V heads; GQA's is that of the nearest ratio of sharing.
    """
    bandwidth = rows[-1].record.read_bandwidth_bytes_per_s if rows else None
    return Table(
        COLUMNS, [_tradeoff(settings, name, rows, bandwidth, losses) for name in settings.variants]
    )


def answer(settings: ModelSettings) -> str:
    """The page's question answered in one line from the sliders."""
    mha = settings.cache_bytes("MHA", settings.context_len)
    parts = [
        f"{variant} {units.capacity(settings.cache_bytes(variant, settings.context_len))} "
        f"({units.times(settings.reduction_vs_mha(variant))} smaller)"
        for variant in settings.models
        if variant != "MHA"
    ]
    return (
        f"At {settings.context_len} tokens MHA keeps {units.capacity(mha)}; "
        + ", ".join(parts)
        + "."
    )


def _tradeoff(
    settings: ModelSettings,
    variant: str,
    rows: Sequence[Row],
    bandwidth: float | None,
    losses: Mapping[int, float],
) -> Tradeoff:
    n_bytes, attention = (
        settings.cache_bytes(variant, settings.context_len),
        settings.variants[variant],
    )
    n_kv_heads = _nearest_small_model(attention, max(losses, default=1))
    loss = None if n_kv_heads is None else losses.get(n_kv_heads)
    return Tradeoff(
        variant=variant,
        cache_bytes=n_bytes,
        reduction=settings.reduction_vs_mha(variant),
        read_s=n_bytes / bandwidth if bandwidth else None,
        measured=_newest(_matching(settings, attention, rows)),
        loss=loss,
        small_model=None if loss is None else f"{n_kv_heads} of {max(losses)}",
    )


def _matching(
    settings: ModelSettings, attention: AttentionConfig, rows: Iterable[Row]
) -> Iterable[Row]:
    workload = (settings.context_len, settings.batch_size)
    return (
        row
        for row in rows
        if row.config == attention
        and (row.context_len, row.batch_size) == workload
        and row.record.kernel_ran != "naive"
        and row.is_usable
    )


def _nearest_small_model(attention: AttentionConfig, n_heads: int) -> int | None:
    """K/V heads of the small model of `n_heads` of the same variant with the nearest ratio."""
    if not isinstance(attention, GroupedConfig):
        return None
    if attention.variant != "GQA":
        return n_heads if attention.variant == "MHA" else 1
    between = divisors(n_heads)[1:-1]
    target = math.log(n_heads / attention.q_per_kv)
    return min(between, key=lambda count: abs(math.log(count) - target), default=None)


def _newest(rows: Iterable[Row]) -> Row | None:
    return max(rows, key=lambda row: row.record.created_at, default=None)


def _conditions(row: Row | None) -> str | None:
    if row is None:
        return None
    return f"{units.count(row.n_layers, 'layer')}, {row.dtype}, {row.record.kernel_ran}"


COLUMNS = (
    Column[Tradeoff]("Variant", lambda tradeoff: tradeoff.variant),
    Column[Tradeoff]("Cache", lambda tradeoff: tradeoff.cache_bytes, GIB),
    Column[Tradeoff]("Smaller than MHA", lambda tradeoff: tradeoff.reduction, TIMES),
    Column[Tradeoff]("One read here, predicted", lambda tradeoff: tradeoff.read_s, MS),
    Column[Tradeoff](
        "Attend here, measured",
        lambda tradeoff: tradeoff.measured.attend.p5 if tradeoff.measured else None,
        MS,
    ),
    Column[Tradeoff]("Measured with", lambda tradeoff: _conditions(tradeoff.measured)),
    Column[Tradeoff]("Quality, by the lecture", lambda tradeoff: LECTURE[tradeoff.variant]),
    Column[Tradeoff]("Small model's loss", lambda tradeoff: tradeoff.loss, NATS),
    Column[Tradeoff]("Small model's K/V heads", lambda tradeoff: tradeoff.small_model),
)
