"""Parts that pages are put together from: metrics, tables with downloads, evidence, sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import streamlit as st
from pandas.api.types import is_numeric_dtype
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.style import PLOT_CONFIG

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
NUMBERS = {  # digits by the unit in a column's name
    "(ms)": "%.3f",
    "(us)": "%.1f",
    "(MiB)": "%.2f",
    "(GiB)": "%.3f",
    "(GB)": "%.3f",
    "(KiB)": "%.2f",
    "(GB/s)": "%.1f",
    "(%)": "%.0f%%",
    "Tokens/s": "%.1f",
    "vs MHA": "%.2fx",
    "than MHA": "%.4gx",
    "FLOP": "%.4g",
    "sample (s)": "%.2f",
    "score": "%.1f",
    "ln PPL": "%.3f",
    "(nats)": "%.3f",
    "difference": "%.1e",
    "L2 error": "%.1e",
    "Tolerance": "%.0e",
    "of the read (%)": "%.3g%%",
    "error (%)": "%.2f%%",
    "(B)": "%d",
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


def show_table(table: pd.DataFrame, key: str, alt: str) -> None:
    """A table as a grid, to sort and to search; the first column stays.

    Its digits follow from the units in its column names.
    """
    columns: dict[str, object] = {
        name: st.column_config.NumberColumn(format=digits)
        for name in table.columns
        if (digits := _digits(name))
    }
    columns[table.columns[0]] = st.column_config.TextColumn(pinned=True)
    st.dataframe(table, key=key, hide_index=True, column_config=columns, placeholder="-", alt=alt)


def lazy_expander(label: str, key: str) -> DeltaGenerator | None:
    """A line to open, and its place once it is open: until then nothing is made for it.

    A grid of numbers takes a sixth of the time from a slider to a new chart. A line whose label
    changes closes itself.
    """
    place = st.expander(label, key=key, on_change="rerun")
    return place if place.open else None


def show_small_table(table: pd.DataFrame) -> None:
    """A table of a few rows as text, which a browser draws in a tenth of a grid's time."""
    sides = ["---:" if is_numeric_dtype(kind) else "---" for kind in table.dtypes]
    rows = zip(*(_texts(table[name], name) for name in table.columns), strict=True)
    lines = [map(escape_markdown, table.columns), sides, *rows]
    st.markdown("\n".join(f"|{'|'.join(line)}|" for line in lines))


def _texts(column: pd.Series, name: str) -> list[str]:
    """The cells as `show_table` would show them, fit for Markdown."""
    digits = _digits(name) or "%s"
    return ["-" if pd.isna(cell) else escape_markdown(digits % cell) for cell in column]


def _digits(name: str) -> str | None:
    """How numbers of a column with this name are written, by the last unit that is in it."""
    return next((digits for unit, digits in reversed(NUMBERS.items()) if unit in name), None)


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
