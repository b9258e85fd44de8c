"""A reconciliation as text for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from gqa_core import units
from gqa_core.engine_logs.explain import Explanation
from gqa_core.engine_logs.log import EngineLog
from gqa_core.engine_logs.reconcile import ReconcileRow, Reconciliation

__all__ = ["explanation_text", "reconcile_json", "reconcile_text"]


def reconcile_text(log: EngineLog, result: Reconciliation) -> str:
    """A table of figures, then what explains their differences and what was not read."""
    return "\n".join([*_table(log, result), *_notes(log, result)])


def reconcile_json(log: EngineLog, result: Reconciliation) -> dict[str, object]:
    """The log's figures and the reconciliation as one object for json.dumps."""
    return {
        "engine": log.engine,
        "version": log.version,
        "lines": log.n_lines,
        "unknown_lines": log.n_unknown_lines,
        "verdict": result.verdict,
        "rows": [
            asdict(row) | {"difference": row.difference, "agrees": row.agrees}
            for row in result.rows
        ],
        "explanations": [asdict(explanation) for explanation in result.explanations],
        "fit": asdict(result.fit) if result.fit else None,
        "notes": result.notes,
        "start": asdict(log.last_start),
    }


def explanation_text(explanation: Explanation) -> str:
    """One sentence: the pool, the verdict and its assumptions."""
    text = f"{explanation.pool}: {explanation.verdict}"
    if explanation.assumptions:
        text += f" by {'; '.join(explanation.assumptions)}"
    if explanation.verdict == "explained" and explanation.bytes_per_token:
        text += f" ({explanation.bytes_per_token:,.1f} B per token)"
    return text


def _table(log: EngineLog, result: Reconciliation) -> Iterator[str]:
    version = f" {log.version}" if log.version else ""
    yield f"{log.engine}{version}: {result.verdict}"
    cells = [("", "formula", "reported", "difference"), *map(_cells, result.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    for row in cells:
        first = row[0].ljust(widths[0])
        yield "  ".join(
            [first, *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        )


def _cells(row: ReconcileRow) -> tuple[str, str, str, str]:
    within = ", within rounding" if row.agrees else ""
    difference = units.error_percent(row.reported, row.formula) if row.formula else "-"
    return row.quantity, _value(row, row.formula), _value(row, row.reported), difference + within


def _value(row: ReconcileRow, value: float) -> str:
    if row.unit == "tokens":
        return f"{value:,.0f}"
    if row.unit == "times":
        return f"{value:,.2f}x"
    if row.quantity.startswith("memory"):
        return units.capacity(value)
    return f"{value:,.1f} B"


def _notes(log: EngineLog, result: Reconciliation) -> Iterator[str]:
    for explanation in result.explanations:
        yield explanation_text(explanation)
    yield from result.notes
    if fit := result.fit:
        yield (
            f"fitted to requests of {fit.short_len:,} and {fit.long_len:,} tokens: "
            f"{units.capacity(max(0.0, fit.fixed_bytes))} per sequence and "
            f"{fit.bytes_per_token:,.1f} B per token"
        )
    if log.n_unknown_lines:
        yield f"not read: {units.count(log.n_unknown_lines, 'line')} of {log.n_lines:,}"
