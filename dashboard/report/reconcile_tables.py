"""An engine's log held against the formula: a table of figures, and sentences that explain it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboard.report.columns import Column, Table
from dashboard.report.markup import full_sentence
from gqa_core import units
from gqa_core.engine_logs.explain import Explanation
from gqa_core.engine_logs.log import EngineLog
from gqa_core.engine_logs.reconcile import ReconcileRow, Reconciliation

HEADLINES = {
    "agrees": "The log prints what the formula says, within the rounding of its prints.",
    "explained": "The log differs from the formula, and an assumption explains the difference.",
    "not explained": "The log differs from the formula, and no assumption here explains it.",
}


def reconcile_table(result: Reconciliation) -> Table[ReconcileRow]:
    """One row per figure that the log reports, beside that of the formula."""
    columns = (
        Column[ReconcileRow]("Figure", lambda row: row.quantity),
        Column[ReconcileRow]("Formula", lambda row: _value(row, row.formula)),
        Column[ReconcileRow]("Reported", lambda row: _value(row, row.reported)),
        Column[ReconcileRow]("Difference", _difference),
        Column[ReconcileRow]("Within rounding", lambda row: "yes" if row.agrees else "no"),
    )
    return Table(columns, result.rows)


def headline(log: EngineLog, result: Reconciliation) -> str:
    """The engine and the verdict in one sentence."""
    version = f" {log.version}" if log.version else ""
    return f"{log.engine}{version}: {HEADLINES[result.verdict]}"


def explanations(log: EngineLog, result: Reconciliation) -> Iterator[str]:
    """Sentences: the assumption behind each pool, the fit of requests, and the lines not read."""
    yield from _explanations(result.explanations)
    for note in result.notes:
        yield full_sentence(note)
    if fit := result.fit:
        yield (
            f"Requests of {fit.short_len:,} and {fit.long_len:,} tokens fit "
            f"{units.capacity(max(0.0, fit.fixed_bytes))} per sequence and "
            f"{fit.bytes_per_token:,.1f} B per token."
        )
    yield (
        f"Not understood: {log.n_unknown_lines:,} of {units.count(log.n_lines, 'line')}. No figure "
        "comes from them."
    )


def _explanations(entries: Sequence[Explanation]) -> Iterator[str]:
    """One sentence per pool; alternatives are joined by "or"."""
    by_pool: dict[str, list[Explanation]] = {}
    for entry in entries:
        by_pool.setdefault(entry.pool, []).append(entry)
    for name, alternatives in by_pool.items():
        yield f"{name[0].upper()}{name[1:]}: {', or '.join(map(_cause, alternatives))}."


def _cause(entry: Explanation) -> str:
    if entry.verdict == "agrees":
        return "the formula as it is"
    if not entry.assumptions:
        return "not explained"
    size = entry.bytes_per_token
    per_token = f" ({size:,.1f} B per token)" if size else ""
    return f"explained by {'; '.join(entry.assumptions)}{per_token}"


def _difference(row: ReconcileRow) -> str | None:
    return units.error_percent(row.reported, row.formula) if row.formula else None


def _value(row: ReconcileRow, value: float) -> str:
    if row.unit == "tokens":
        return f"{value:,.0f}"
    if row.unit == "times":
        return f"{value:,.2f}"
    if row.quantity.startswith("memory"):
        return units.capacity(value)
    return f"{value:,.1f} B"
