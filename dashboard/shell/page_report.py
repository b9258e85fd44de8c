"""Downloads of the current page: one HTML file, and a Markdown summary, both made on click."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import streamlit as st

from dashboard.figures.report_figure import (
    figure_json,
    plotly_script,
    plotly_versions,
    white_template,
)
from dashboard.figures.style import VARIANT_STYLES
from dashboard.report.html_report import html_report
from dashboard.report.markdown_summary import markdown_summary
from dashboard.report.page_parts import PageReport, ReportFigure, ReportTable
from dashboard.shell.page_content import PageContent, ShownFigure, ShownTable, content
from gqa_core.records.header import git_commit

NOT_INSTALLED = "from source"


def show_report_downloads(settings: Mapping[str, Any], link: str) -> None:
    """Two buttons that download the page as it is drawn in this run."""
    shown = content()
    stem = re.sub(r"\W+", "_", shown.title).strip("_").lower() or "page"
    makers: Mapping[str, tuple[str, str, Callable[[PageReport], str]]] = {
        "Report (HTML)": ("html", "text/html", _html),
        "Summary (Markdown)": ("md", "text/markdown", markdown_summary),
    }
    with st.container(horizontal=True, gap="small"):
        for label, (ending, mime, make) in makers.items():
            st.download_button(
                label,
                partial(_make, make, shown, settings, link),
                file_name=f"gqa_lab_{stem}.{ending}",
                mime=mime,
                key=f"report_{ending}",
                icon=":material/download:",
                on_click="ignore",
            )


def page_report(shown: PageContent, settings: Mapping[str, Any], link: str) -> PageReport:
    """The content of a page with its settings, versions and the time of now."""
    return PageReport(
        title=shown.title,
        answer=shown.answer,
        metrics=shown.metrics,
        parts=[_part(key, part) for key, part in shown.parts.items()],
        method=shown.method,
        settings={key: _text(value) for key, value in settings.items()},
        notices=[*shown.notices],
        evidence=[*shown.evidence],
        commands=[*shown.commands] or [shown.fallback_command] * bool(shown.fallback_command),
        link=link,
        versions=_versions(),
        created=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _make(
    make: Callable[[PageReport], str], shown: PageContent, settings: Mapping[str, Any], link: str
) -> str:
    return make(page_report(shown, settings, link))


def _html(report: PageReport) -> str:
    colors = {name: style.color for name, style in VARIANT_STYLES.items()}
    return html_report(report, plotly_script(), white_template(), colors)


def _part(key: str, part: ShownFigure | ShownTable) -> ReportFigure | ReportTable:
    if isinstance(part, ShownFigure):
        return ReportFigure(
            key=key,
            plotly_json=figure_json(part.figure),
            takeaway=part.takeaway,
            evidence=part.evidence,
            caption=part.caption,
        )
    return ReportTable(
        title=part.title,
        headers=part.table.headers,
        rows=part.table.texts(),
        is_number=[column.unit.is_number for column in part.table.columns],
    )


def _text(value: Any) -> str:
    if value is None:
        return "empty"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _versions() -> dict[str, str]:
    """Versions of what computed and drew the page, by name."""
    return {
        "gqa-lab": _installed_version("gqa-lab"),
        "commit": git_commit() or "not known",
        "Python": platform.python_version(),
        "streamlit": st.__version__,
        **plotly_versions(),
        "torch": _installed_version("torch"),
    }


def _installed_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return NOT_INSTALLED
