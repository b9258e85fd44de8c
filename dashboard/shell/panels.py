"""Parts of pages: evidence badges, metrics, figures, tables and downloads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.style import PLOT_CONFIG
from dashboard.report.columns import MISSING, Table

EVIDENCE = {  # where a number comes from, and how it is drawn
    "formula": ("blue", "Computed from the numbers above; drawn as a line."),
    "measured here": ("green", "Timed or counted on this machine; drawn as markers with spread."),
    "fit": ("blue", "A power of n fitted to measured points; drawn as a line through them."),
    "measured elsewhere": (
        "violet",
        "Imported from another machine's record; drawn as open markers with a dot.",
    ),
    "published": (
        "orange",
        "Published by the source that is named; drawn as open markers or a dashed bound.",
    ),
}


def escape_markdown(text: str) -> str:
    """Text escaped so that Markdown shows it literally: names may contain HTML or stars."""
    return re.sub(r"([^\w\s])", r"\\\1", text, flags=re.ASCII)


def show_evidence(*kinds: str) -> None:
    """Draw one badge per kind of evidence in the figure or table that follows."""
    st.markdown(
        " ".join(f":{EVIDENCE[kind][0]}-badge[{kind}]" for kind in kinds),
        help="\n".join(f"- **{kind}**: {EVIDENCE[kind][1]}" for kind in kinds),
    )


def show_metrics(metrics: Sequence[tuple[str, str, str]]) -> None:
    """Draw a row of metrics, each (label, value, description)."""
    if not metrics:
        return
    with st.grid(len(metrics)):
        for label, value, description in metrics:
            st.metric(
                label,
                value,
                border=True,
                height="stretch",
                delta_description=description,
            )


def show_figure(figure: go.Figure, key: str, takeaway: str) -> None:
    """Draw a chart in its own style; a screen reader reads `takeaway`."""
    st.plotly_chart(figure, theme=None, key=key, config=PLOT_CONFIG, alt=takeaway)


def show_table(table: Table, key: str, alt: str) -> None:
    """Draw a table as a grid to sort and search, with its first column pinned."""
    config = {
        column.header: st.column_config.NumberColumn(format=column.unit.digits)
        for column in table.columns
        if column.unit.digits
    }
    config[table.columns[0].header] = st.column_config.TextColumn(pinned=True)
    st.dataframe(
        table.frame(), key=key, hide_index=True, column_config=config, placeholder="-", alt=alt
    )


def lazy_expander(label: str, key: str) -> DeltaGenerator | None:
    """An expander's container if it is open, else None, so that its content is made on demand.

    A grid of numbers takes a sixth of the time from a slider to a new chart. An expander whose
    label changes closes itself.
    """
    expander = st.expander(label, key=key, on_change="rerun")
    return expander if expander.open else None


def show_small_table(table: Table) -> None:
    """Draw a table of a few rows as Markdown, ten times as fast as a grid."""
    sides = ["---:" if column.unit.is_number else "---" for column in table.columns]
    rows = (map(_cell, row) for row in table.texts())
    lines = [map(escape_markdown, table.headers), sides, *rows]
    st.markdown("\n".join(f"|{'|'.join(line)}|" for line in lines))


def _cell(text: str) -> str:
    return text if text == MISSING else escape_markdown(text)


def show_downloads(name: str, makers: Mapping[str, Callable[[], str]]) -> None:
    """Draw one download button per file extension; the content is made on click."""
    with st.container(horizontal=True, gap="small"):
        for ending, make in makers.items():
            st.download_button(
                "CSV" if ending == "csv" else "JSON Lines",
                make,
                file_name=f"{name}.{ending}",
                key=f"download_{name}_{ending}",
                icon=":material/download:",
                on_click="ignore",
            )
