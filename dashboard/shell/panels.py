"""Parts of pages: the answer, a strip of numbers, figures, folded tables, the method."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.style import NEUTRAL, VARIANT_STYLES, plot_config
from dashboard.report.columns import Table
from dashboard.report.evidence import EVIDENCE
from dashboard.report.markup import JOINER, without_autolinks
from dashboard.report.metric import Metric
from dashboard.shell import page_content
from dashboard.shell.links import is_sharing

BADGE_COLORS = {
    "formula": "blue",
    "measured here": "green",
    "fit": "blue",
    "measured elsewhere": "violet",
    "published": "orange",
}
METHOD = "method"  # key of the fold with a page's method


def escape_markdown(text: str) -> str:
    """Text escaped so that Markdown shows it literally: names may contain HTML, stars, or links."""
    special = rf"([^\w\s{JOINER}])"
    return re.sub(special, r"\\\1", without_autolinks(text), flags=re.ASCII)


def show_evidence(*kinds: str) -> None:
    """Draw one badge per kind of evidence in the section that follows."""
    page_content.note_evidence(kinds)
    st.markdown(" ".join(map(_badge, kinds)), help=_evidence_help(kinds))


def _show_caption(evidence: Sequence[str], caption: str) -> None:
    """Draw the badges of a figure or table and its caption, as one line below it."""
    if evidence or caption:
        st.caption(
            " ".join([*map(_badge, evidence), caption]), help=_evidence_help(evidence) or None
        )


def _badge(kind: str) -> str:
    return f":{BADGE_COLORS[kind]}-badge[{kind}]"


def _evidence_help(kinds: Sequence[str]) -> str:
    return "\n".join(f"- **{kind}**: {EVIDENCE[kind]}" for kind in kinds)


def show_answer(sentence: str, note: str = "") -> None:
    """Draw the answer of a page, a line of Markdown, where it is read first; below it, a note.

    The style sheet sets quotations apart: a container would make each move of a slider slower.
    """
    page_content.note_answer(sentence)
    st.markdown(f"> {sentence}\n\n{note}")


def show_notice(sentence: str) -> None:
    """Draw a warning about the page's numbers, in Markdown; a report of the page has it too."""
    page_content.note_notice(sentence)
    st.warning(sentence)


def show_strip(metrics: Sequence[Metric]) -> None:
    """Draw numbers beside each other, as a list of terms and descriptions."""
    page_content.note_metrics(metrics)
    if metrics:
        st.html(f'<dl class="metric-strip">{"".join(map(_metric_html, metrics))}</dl>')


def _metric_html(metric: Metric) -> str:
    style = VARIANT_STYLES.get(metric.variant or "")
    color = style.color if style else metric.color or NEUTRAL
    label, value, note = map(escape, (metric.label, metric.value, metric.note))
    return (
        f'<div style="border-color: {color}"><dt>{label}</dt>'
        f'<dd class="value">{value}</dd><dd>{note}</dd></div>'
    )


def show_figure(
    figure: go.Figure,
    key: str,
    takeaway: str,
    evidence: Sequence[str] = (),
    caption: str = "",
    *,
    on_select: Callable[[], None] | None = None,
) -> None:
    """Draw a chart in its own style, and below it the evidence of its numbers and a caption.

    A screen reader reads `takeaway`. `on_select` is called after a click on a point, with the
    selection in the session's state.
    """
    page_content.note_figure(key, figure, takeaway, evidence, caption)
    if on_select:  # what Streamlit sets a moment later, which would draw the chart again
        figure.update_layout(clickmode="event+select", dragmode="pan")
    st.plotly_chart(
        figure,
        theme=None,
        key=key,
        config=plot_config(key),
        alt=takeaway,
        on_select=on_select or "ignore",
        selection_mode="points",
    )
    _show_caption(evidence, caption)


def show_table(table: Table, key: str, alt: str, evidence: Sequence[str] = ()) -> None:
    """Draw a table as a grid to sort and search, with its first column pinned."""
    page_content.note_table(table, alt)
    page_content.note_evidence(evidence)
    config = {
        column.header: st.column_config.NumberColumn(
            format="localized" if column.unit.has_commas else column.unit.digits
        )
        for column in table.columns
        if column.unit.digits or column.unit.has_commas
    }
    config[table.columns[0].header] = st.column_config.TextColumn(pinned=True)
    st.dataframe(
        table.frame(), key=key, hide_index=True, column_config=config, placeholder="-", alt=alt
    )
    _show_caption(evidence, "")


def folded(label: str, key: str) -> DeltaGenerator | None:
    """An expander's container if it is open, else None, so that its content is made on demand.

    A grid of numbers takes a sixth of the time from a slider to a new chart. While Share is open,
    every content is made: a report has what is folded too. An expander whose label changes closes
    itself.
    """
    expander = st.expander(label, key=key, on_change="rerun")
    if not (expander.open or is_sharing()):
        return None
    page_content.note_heading(label)
    return expander


def show_method(text: str | Callable[[], str], command: str = "") -> None:
    """Draw how a page's numbers are made, folded: method, sources, limits, and the command line.

    A text that takes time is given as a function that makes it.
    """
    expander = st.expander("How this is computed", key=METHOD, on_change="rerun")
    if command:
        page_content.note_command(command)
    if not (expander.open or is_sharing()):
        return
    text = text if isinstance(text, str) else text()
    page_content.note_method(text)
    with expander:
        st.markdown(text)
        if command:
            st.caption("The same on the command line")
            st.code(command, language=None, wrap_lines=True)


def show_small_table(table: Table, evidence: Sequence[str] = (), caption: str = "") -> None:
    """Draw a table of a few rows as HTML, ten times as fast as a grid; below it, its evidence.

    One that is wider than the screen scrolls by itself, by keyboard too.
    """
    page_content.note_table(table)
    page_content.note_evidence(evidence)
    is_number = [column.unit.is_number for column in table.columns]
    head = _row_html("th", table.headers, is_number)
    body = "".join(_row_html("td", row, is_number) for row in table.texts())
    st.html(
        f'<div class="small-table" tabindex="0" role="region" '
        f'aria-label="Table by {escape(table.headers[0])}">'
        f"<table><thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )
    _show_caption(evidence, caption)


def _row_html(tag: str, texts: Sequence[str], is_number: Sequence[bool]) -> str:
    cells = (
        f"<{tag}{' class=number' if right else ''}>{escape(text)}</{tag}>"
        for text, right in zip(texts, is_number, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


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
