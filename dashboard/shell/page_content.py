"""The content of the page of this run, held by reference until someone wants it as a report.

`panels` notes each part as it draws it. Nothing is converted before a download is clicked, so that
a moved slider pays for a few references alone. A part that a fragment draws again takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go
import streamlit as st

from dashboard.report.columns import Table
from dashboard.report.metric import Metric

CONTENT = "content_of_this_page"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFigure:
    """A chart, the sentence that a screen reader reads for it, and its kinds of evidence."""

    figure: go.Figure
    takeaway: str
    evidence: Sequence[str] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """A table and its title."""

    table: Table
    title: str


@dataclass(slots=True)
class PageContent:
    """The parts of a page, by key in the order of drawing."""

    title: str
    answer: str = ""
    metrics: tuple[Metric, ...] = ()
    parts: dict[str, ShownFigure | ShownTable] = field(default_factory=dict)
    heading: str = "The numbers"  # of the tables that follow
    method: str = ""
    evidence: dict[str, None] = field(default_factory=dict)  # these three in order, each once
    notices: dict[str, None] = field(default_factory=dict)
    commands: dict[str, None] = field(default_factory=dict)
    fallback_command: str = ""
    log_versions: dict[str, str] = field(default_factory=dict)  # of each log that was read, by name


def start(title: str) -> PageContent:
    """Begin a page: forget what the run before it showed."""
    content = PageContent(title)
    st.session_state[CONTENT] = content
    return content


def content() -> PageContent:
    """The content of the current page."""
    current = st.session_state.get(CONTENT)
    return current if isinstance(current, PageContent) else start("")


def note_answer(sentence: str) -> None:
    """Note the page's answer, a sentence of Markdown."""
    content().answer = sentence


def note_metrics(metrics: Sequence[Metric]) -> None:
    """Note the numbers of the page's strip."""
    content().metrics = (*metrics,)


def note_figure(
    key: str, figure: go.Figure, takeaway: str, evidence: Sequence[str] = (), caption: str = ""
) -> None:
    """Note a chart, with its sentence, kinds of evidence and caption."""
    content().parts[f"figure {key}"] = ShownFigure(
        figure=figure, takeaway=takeaway, evidence=(*evidence,), caption=caption
    )


def note_table(table: Table, title: str = "") -> None:
    """Note a table, by its title or the heading that it follows."""
    title = title or content().heading
    content().parts[f"table {title} {table.headers}"] = ShownTable(table=table, title=title)


def note_heading(heading: str) -> None:
    """Note the heading of the tables that follow."""
    content().heading = heading


def note_method(text: str) -> None:
    """Note how the page's numbers are made, in Markdown."""
    content().method = text


def note_evidence(kinds: Sequence[str]) -> None:
    """Note the kinds of evidence of a table or section."""
    content().evidence.update(dict.fromkeys(kinds))


def note_notice(sentence: str) -> None:
    """Note a warning about the page's numbers, in Markdown: a report must not go without it."""
    content().notices[sentence] = None


def note_command(command: str) -> None:
    """Note a command line that gives the page's numbers."""
    content().commands[command] = None


def note_fallback_command(command: str) -> None:
    """Note the command line that stands for the page if it has none of its own."""
    content().fallback_command = command
