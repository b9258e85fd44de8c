"""What is measured for the sliders: metrics, table, downloads and the chart over context."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import loaders, panels, tables
from dashboard.choices import DecodeChoice
from dashboard.figures.attend_vs_context import attend_vs_context
from gqa_core import units
from gqa_core.measure.record import Record
from gqa_core.measure.run_log import RunLogError

SCOPES = ("these settings", "everything measured here")


def show_results(choice: DecodeChoice, device: Mapping[str, Any], held: Sequence[Record]) -> None:
    """What this device measured: the log's records, and `held` ones that it may not have."""
    rows = tables.of_device(_with_log(held), device)
    scope = st.segmented_control(
        "Show",
        SCOPES,
        default=SCOPES[0],
        required=True,
        key="scope",
        label_visibility="collapsed",
    )
    shown = tables.latest(tables.matching(rows, choice) if scope == SCOPES[0] else rows)
    if not shown:
        st.info("Nothing is measured on this device for these settings yet. Press **Run**.")
        return
    panels.show_evidence("measured here", "formula")
    _show_rows(choice, shown)


def _with_log(held: Sequence[Record]) -> list[tables.Row]:
    """The log's rows and, behind them, those of the run that the log does not hold."""
    try:
        logged = loaders.logged_rows()
    except RunLogError as error:
        st.warning(f"The {error}.")
        logged = ()
    known = {(row["run_id"], row["point"]) for row in logged}
    missing = [
        record
        for record in held
        if record["kind"] == "decode" and (record["run_id"], record["point"]) not in known
    ]
    return [*logged, *tables.decode_rows(missing)]


def _show_rows(choice: DecodeChoice, rows: Sequence[tables.Row]) -> None:
    here = [row for row in rows if row["context_len"] == choice.context_len]
    base = next((row["attend_s"] for row in here if row["variant"] == "MHA"), None)
    if here:
        st.caption(f"Attend time of one step at {choice.context_len} tokens, median")
    panels.show_metrics(
        [
            (
                row["label"],
                units.duration(row["attend_s"]),
                f"{units.times(base / row['attend_s'])} the speed of MHA" if base else "alone",
            )
            for row in here
        ]
    )
    table = tables.performance_table(rows)
    panels.show_table(table, "performance", "Measured decode steps, one row a point")
    lines = [json.dumps(row["record"]) for row in rows]
    panels.show_downloads(
        "decode",
        {
            "csv": lambda: table.to_csv(index=False),
            "jsonl": lambda: "\n".join(lines) + "\n",
        },
    )
    panels.show_figure(
        attend_vs_context(rows, choice.context_lens),
        "attend_vs_context",
        f"Median attend time by context for {len(rows)} measured points; see the table above.",
    )
