"""Parts that pages are put together from: metrics, tables with downloads, evidence, sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.style import PLOT_CONFIG
from dashboard.report.columns import MISSING, Table

pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own reserves 5 MB; tables here are small

EVIDENCE = {  # what a number rests on, and how it is drawn
    "formula": ("blue", "Computed from the numbers above; drawn as a line."),
    "measured here": ("green", "Timed or counted on this machine; drawn as markers with spread."),
    "fit": ("blue", "A power of n fitted to measured points; drawn as a line through them."),
    "measured elsewhere": (
        "violet",
        "Imported from another machine, as its record says; drawn as open markers with a dot.",
    ),
    "published": ("orange", "Stated by its source, not by us; drawn open, or as a dashed bound."),
}


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it stands: a name may hold HTML, stars, dollars or colons."""
    return re.sub(r"([^\w\s])", r"\\\1", text, flags=re.ASCII)


def show_evidence(*kinds: str) -> None:
    """One badge for each kind of evidence on the figure or table that follows."""
    st.markdown(
        " ".join(f":{EVIDENCE[kind][0]}-badge[{kind}]" for kind in kinds),
        help="\n".join(f"- **{kind}**: {EVIDENCE[kind][1]}" for kind in kinds),
    )


def show_metrics(metrics: Sequence[tuple[str, str, str]]) -> None:
    """A row of (label, value, what to make of it)."""
    if not metrics:
        return
    with st.grid(len(metrics)):
        for label, value, meaning in metrics:
            st.metric(
                label,
                value,
                border=True,
                height="stretch",
                delta_description=meaning,
            )


def show_figure(figure: go.Figure, key: str, takeaway: str) -> None:
    """A chart with its take-away as the text a screen reader speaks; its look is all its own."""
    st.plotly_chart(figure, theme=None, key=key, config=PLOT_CONFIG, alt=takeaway)


def show_table(table: Table, key: str, alt: str) -> None:
    """A table as a grid that can be sorted and searched; the first column stays in view."""
    config: dict[str, object] = {
        column.header: st.column_config.NumberColumn(format=column.unit.digits)
        for column in table.columns
        if column.unit.digits
    }
    config[table.columns[0].header] = st.column_config.TextColumn(pinned=True)
    st.dataframe(
        table.frame(), key=key, hide_index=True, column_config=config, placeholder="-", alt=alt
    )


def lazy_expander(label: str, key: str) -> DeltaGenerator | None:
    """A line to open, and its place once it is open: until then nothing is made for it.

    A grid of numbers takes a sixth of the time from a slider to a new chart. A line whose label
    changes closes itself.
    """
    place = st.expander(label, key=key, on_change="rerun")
    return place if place.open else None


def show_small_table(table: Table) -> None:
    """A table of a few rows as text, which a browser draws in a tenth of a grid's time."""
    sides = ["---:" if column.unit.is_number else "---" for column in table.columns]
    rows = (map(_cell, row) for row in table.texts())
    lines = [map(escape_markdown, table.headers), sides, *rows]
    st.markdown("\n".join(f"|{'|'.join(line)}|" for line in lines))


def _cell(text: str) -> str:
    return text if text == MISSING else escape_markdown(text)


def show_downloads(name: str, makers: Mapping[str, Callable[[], str]]) -> None:
    """One button for each file ending, its content made when it is asked for."""
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
