"""What the page of runs makes of the log's rows: filters, a table, pairs to compare, an answer.

Two rows are compared where all else is equal: geometry, batch, dtype, layers, context, kernel. A
selection is of one device and one kind of evidence, so that no series mixes two. No streamlit.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard.data.decode_rows import Row, conditions, device_name, performance_table, variant_name
from dashboard.data.non_decode_rows import KINDS
from gqa_core import units
from gqa_core.records.record import MEASURED_ELSEWHERE

FIELDS: Mapping[str, Callable[[Row], Any]] = {  # what rows are filtered by
    "kind": lambda row: KINDS[row["kind"]][0] if row["kind"] in KINDS else DECODE_STEP,
    "variant": variant_name,
    "context": lambda row: row["context_len"],
    "dtype": lambda row: row["dtype"],
    "evidence": lambda row: row["evidence"],
    "device": device_name,
    "date": lambda row: row["created_at"][:10],
    "run": lambda row: row["run_id"],
}
DECODE_ONLY_FIELDS = ("variant", "context", "dtype")  # no other kind has these
DECODE_STEP = "decode step"
FIRST_COLUMNS = ("Variant", "K/V heads", "Context", "Evidence", "Device", "When (UTC)")


def options(rows: Iterable[Row], field: str) -> list[Any]:
    """The values a filter offers, sorted."""
    return sorted({FIELDS[field](row) for row in rows})


def filtered(rows: Iterable[Row], wanted: Mapping[str, Sequence[Any]]) -> list[Row]:
    """The rows whose fields have one of the wanted values; no values ask for nothing."""
    return [
        row
        for row in rows
        if all(not values or FIELDS[field](row) in values for field, values in wanted.items())
    ]


def runs_table(shown: Sequence[Row], rows: Sequence[Row]) -> pd.DataFrame:
    """One line a record; speed against MHA is that of the same run, looked up in all `rows`."""
    table = performance_table(shown)
    if table.empty:
        return table
    base = _mha(rows)
    pairs = [(row, base.get(_in_run(row))) for row in shown]
    table["Speed vs MHA"] = [
        mha["attend_s"] / row["attend_s"] if mha else None for row, mha in pairs
    ]
    table["Run"] = [row["run_id"] for row in shown]
    table["Point"] = [row["point"] for row in shown]
    table["Git commit"] = [(row["git_commit"] or "")[:10] for row in shown]
    first = list(FIRST_COLUMNS)
    return table[first + [name for name in table.columns if name not in first]]


def selection_name(row: Row, by: str) -> str:
    """The selection a row belongs to: its device, or its date or run on that device."""
    device = device_name(row)
    if row["evidence"] == MEASURED_ELSEWHERE:
        device += " (elsewhere)"
    return device if by == "device" else f"{FIELDS[by](row)}, {device}"


def selections(rows: Iterable[Row], by: str) -> list[str]:
    """The selections there are, those measured here first."""
    named = {(row["evidence"] == MEASURED_ELSEWHERE, selection_name(row, by)) for row in rows}
    return [name for _, name in sorted(named)]


def settings_name(row: Row) -> str:
    """What must be equal on one chart, in words."""
    layers = "1 layer" if row["n_layers"] == 1 else f"{row['n_layers']} layers"
    return (
        f"{row['n_heads']} query heads, model width {row['dim']}, batch {row['batch_size']}, "
        f"{row['dtype']}, {layers}"
    )


def selected(rows: Iterable[Row], by: str, name: str, settings: str) -> list[Row]:
    """The newest row of each point of a selection, with these settings."""
    mine = [
        row for row in rows if selection_name(row, by) == name and settings_name(row) == settings
    ]
    return list({_point(row): row for row in sorted(mine, key=_when)}.values())


def compared_sentence(first: Sequence[Row], second: Sequence[Row]) -> str:
    """How B's attend time stands to A's, over the points that both have."""
    known = {_point(row): row["attend_s"] for row in first}
    ratios = [row["attend_s"] / known[_point(row)] for row in second if _point(row) in known]
    if not ratios:
        return "A and B have no point in common with these settings."
    points = _count(len(ratios), "point")
    return f"Over {points} that both have, B attends in {_span(ratios)} of A's time."


def sharing_sentence(rows: Sequence[Row]) -> str:
    """What sharing saved in these rows: GQA and MQA against the MHA of the same run."""
    base = _mha(rows)
    pairs = [
        (row, base[_in_run(row)])
        for row in rows
        if row["variant"] in ("GQA", "MQA") and _in_run(row) in base
    ]
    if not pairs:
        return (
            "The records shown hold no GQA or MQA point with the MHA of the same run beside it: "
            "they cannot tell."
        )
    smaller = [mha["tensor_bytes"] / row["tensor_bytes"] for row, mha in pairs]
    times = [row["attend_s"] / mha["attend_s"] for row, mha in pairs]
    faster = sum(time < 1 for time in times)
    return (
        f"In {_count(len(pairs), 'pair')} of GQA or MQA with the MHA of the same run, the cache "
        f"was {_span(smaller)} smaller, and attending took {_span(times)} of MHA's time: "
        f"faster in {faster} of {len(pairs)}."
    )


def _mha(rows: Iterable[Row]) -> dict[tuple, Row]:
    return {_in_run(row): row for row in rows if row["variant"] == "MHA"}


def _in_run(row: Row) -> tuple:
    """A run, and what must be equal in it; a run asks for one kernel."""
    return (row["run_id"], *conditions(row))


def _point(row: Row) -> tuple:
    return (*conditions(row), row["layer"], row["kernel_asked"])


def _when(row: Row) -> str:
    return row["created_at"]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _span(ratios: Sequence[float]) -> str:
    low, high = units.times(min(ratios)), units.times(max(ratios))
    if low == high:
        return low
    return f"{low} to {high} (median {units.times(statistics.median(ratios))})"
