"""Tables of measured decode steps and of the caches that they allocated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.data.decode_rows import (
    CacheRow,
    Row,
    VersusMha,
    device_name,
    row_label,
    variant_name,
    versus_mha,
)
from dashboard.report.columns import (
    BYTES,
    COUNT,
    ERROR_PERCENT,
    GB_PER_S,
    MIB,
    MS,
    PERCENT,
    RATE,
    SPEED,
    TEXT,
    UTC,
    Column,
    Table,
    Unit,
)


@dataclass(frozen=True, slots=True)
class VariantTimes:
    """One variant's rows by context, and its speed against MHA at the longest of them."""

    name: str
    rows: dict[int, Row]
    speed: float | None


def attend_table(rows: Sequence[Row]) -> Table[VariantTimes]:
    """Attend times of the rows of one setting: a row per variant, a column per context.

    At the longest context also the tail of the step, the speed against MHA's, the share of the
    bound and the verdict. Attend times of unusable samples are left out.
    """
    contexts = sorted({row.context_len for row in rows})
    columns = [Column[VariantTimes]("Variant", lambda times: times.name)]
    columns += [_context_column(n, "Attend at {}", _usable_attend_s) for n in contexts]
    columns += [column for context_len in contexts[-1:] for column in _longest(context_len)]
    last = [row for row in rows if row.context_len in contexts[-1:]]
    speeds = {variant_name(versus.row): versus.speed for versus in versus_mha(last)}
    by_name: dict[str, dict[int, Row]] = {}
    for row in rows:
        by_name.setdefault(variant_name(row), {})[row.context_len] = row
    return Table(
        columns, [VariantTimes(name, known, speeds.get(name)) for name, known in by_name.items()]
    )


def performance_table(rows: Sequence[Row]) -> Table[VersusMha]:
    """One row per measured point; rates come from attend."""
    return Table(PERFORMANCE, versus_mha(rows))


def cache_table(rows: Sequence[CacheRow]) -> Table[CacheRow]:
    """One row per measured cache: formula, live tensors and peak, and how far they are apart."""
    return Table(CACHES, rows)


def timestamp(created_at: str) -> str:
    """A record's time to the second: "2026-11-23 20:00:00"."""
    return created_at[:19].replace("T", " ")


def _context_column(
    context_len: int, title: str, value: Callable[[Row], object], unit: Unit = MS
) -> Column[VariantTimes]:
    def cell(times: VariantTimes) -> object:
        row = times.rows.get(context_len)
        return None if row is None else value(row)

    return Column(title.format(f"{context_len:,}"), cell, unit)


def _longest(context_len: int) -> list[Column[VariantTimes]]:
    return [
        _context_column(context_len, "Step p95 at {}", lambda row: row.step.p95),
        _context_column(context_len, "Step p99 at {}", lambda row: row.step.p99),
        Column(f"Speed vs MHA at {context_len:,}", lambda times: times.speed, SPEED),
        _context_column(context_len, "Share of the bound at {}", _usable_share, PERCENT),
        _context_column(context_len, "Verdict at {}", lambda row: row.verdict.name, TEXT),
    ]


def _usable_attend_s(row: Row) -> float | None:
    return row.attend.p5 if row.is_usable else None


def _usable_share(row: Row) -> float | None:
    return row.bound_share if row.is_usable else None


def _measured(title: str, value: Callable[[Row], object], unit: Unit = TEXT) -> Column[VersusMha]:
    return Column(title, lambda versus: value(versus.row), unit)


PERFORMANCE: tuple[Column[VersusMha], ...] = (
    _measured("Variant", variant_name),
    _measured("K/V heads", lambda row: row.n_kv_heads, COUNT),
    _measured("Context", lambda row: row.context_len, COUNT),
    _measured("Verdict", lambda row: row.verdict.name),
    _measured("Attend", lambda row: row.attend.p5, MS),
    _measured("Attend, 95% CI from", lambda row: row.attend.p5_low, MS),
    _measured("Attend, 95% CI to", lambda row: row.attend.p5_high, MS),
    _measured("Attend, median", lambda row: row.attend.median, MS),
    _measured("Attend IQR", lambda row: row.attend.iqr, MS),
    _measured("Attend, predicted", lambda row: row.predicted_attend_s, MS),
    _measured("Attend error", lambda row: abs(row.attend_error), PERCENT),
    _measured("Share of the bound", lambda row: row.bound_share, PERCENT),
    Column("Speed vs MHA", lambda versus: versus.speed, SPEED),
    _measured("Step", lambda row: row.step.p5, MS),
    _measured("Step, median", lambda row: row.step.median, MS),
    _measured("Step IQR", lambda row: row.step.iqr, MS),
    _measured("Step, p95", lambda row: row.step.p95, MS),
    _measured("Step, p99", lambda row: row.step.p99, MS),
    _measured("Step, predicted", lambda row: row.predicted_step_s, MS),
    _measured("Step error", lambda row: abs(row.step_error), PERCENT),
    _measured("Tokens/s", lambda row: row.tokens_per_s, RATE),
    _measured("Read", lambda row: row.read_bytes_per_s, GB_PER_S),
    _measured("Share of bandwidth", lambda row: row.bandwidth_share, PERCENT),
    _measured("Cache, formula", lambda row: row.record.memory.formula_bytes, MIB),
    _measured("Cache, tensors", lambda row: row.record.memory.tensor_bytes, MIB),
    _measured("Padding", lambda row: row.record.memory.padding_bytes, BYTES),
    _measured("Peak", lambda row: row.record.memory.peak_bytes, MIB),
    _measured("Kernel asked", lambda row: row.record.kernel_asked),
    _measured("Kernel ran", lambda row: row.record.kernel_ran),
    _measured("Attend kernel", lambda row: row.record.attend_kernel),
    _measured("SDPA backend", lambda row: row.record.sdpa_backend),
    _measured("Batch", lambda row: row.batch_size, COUNT),
    _measured("Dtype", lambda row: row.dtype),
    _measured("Cache format", lambda row: row.kv_format),
    _measured("Layers", lambda row: row.n_layers, COUNT),
    _measured("Query heads", lambda row: row.config.n_heads, COUNT),
    _measured("Samples", lambda row: row.n_samples, COUNT),
    _measured("Reason of the verdict", lambda row: row.verdict.reason),
    _measured("Bound withheld", lambda row: row.bound_doubt or ""),
    _measured("Device", device_name),
    _measured("Evidence", lambda row: row.evidence),
    _measured("When", lambda row: timestamp(row.record.created_at), UTC),
    _measured("Warnings", lambda row: "; ".join(row.record.warnings)),
)

CACHES = (
    Column[CacheRow]("Variant", lambda cache: row_label(cache.row)),
    Column[CacheRow]("K/V heads", lambda cache: cache.row.n_kv_heads, COUNT),
    Column[CacheRow]("Context", lambda cache: cache.row.context_len, COUNT),
    Column[CacheRow]("Formula", lambda cache: cache.line_bytes, MIB),
    Column[CacheRow]("Tensors", lambda cache: cache.row.record.memory.tensor_bytes, MIB),
    Column[CacheRow]("Tensors error", lambda cache: cache.tensors_error, ERROR_PERCENT),
    Column[CacheRow]("Peak", lambda cache: cache.row.record.memory.peak_bytes, MIB),
    Column[CacheRow]("Peak error", lambda cache: cache.peak_error, ERROR_PERCENT),
    Column[CacheRow]("Kernel ran", lambda cache: cache.row.record.kernel_ran),
    Column[CacheRow]("When", lambda cache: timestamp(cache.row.record.created_at), UTC),
)
