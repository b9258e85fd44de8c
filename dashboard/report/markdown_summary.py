"""A page as Markdown to paste into a message: answer, numbers, table, settings, command, link."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.report.markup import escape_cell, without_needless_escapes
from dashboard.report.metric import Metric
from dashboard.report.page_parts import PageReport, ReportTable
from gqa_core import units

MAX_TABLES, MAX_COLUMNS, MAX_ROWS = 2, 14, 20  # a message is no place for a sweep


def markdown_summary(report: PageReport) -> str:
    """The summary of a page, ending in a line break."""
    return "\n\n".join(_blocks(report)) + "\n"


def _blocks(report: PageReport) -> Iterator[str]:
    yield f"## {escape_cell(report.title)}"
    if report.answer:
        yield without_needless_escapes(report.answer)
    for notice in report.notices:
        yield f"> {without_needless_escapes(notice)}"
    if report.metrics:
        yield "\n".join(map(_metric_line, report.metrics))
    tables = [table for table in report.tables if _is_short(table)][:MAX_TABLES]
    yield from map(_table_block, tables)
    if n_more := len(report.tables) - len(tables):
        yield f"{units.count(n_more, 'more table')} in the report."
    if kinds := report.kinds_of_evidence:
        yield f"Evidence: {', '.join(kinds)}."
    yield "Settings: " + ", ".join(
        f"`{key}={_in_code(value)}`" for key, value in report.settings.items()
    )
    for command in report.commands:
        yield f"```sh\n{command}\n```"
    if report.link:
        yield f"Link: <{report.link}>"
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    yield f"{report.created}; {versions}"


def _metric_line(metric: Metric) -> str:
    note = f" ({escape_cell(metric.note)})" if metric.note else ""
    return f"- {escape_cell(f'{metric.label}: {metric.value}')}{note}"


def _is_short(table: ReportTable) -> bool:
    return len(table.headers) <= MAX_COLUMNS and len(table.rows) <= MAX_ROWS


def _table_block(table: ReportTable) -> str:
    """The title of a table, and its rows."""
    sides = ["---:" if is_number else "---" for is_number in table.is_number]
    lines = [map(escape_cell, table.headers), sides]
    lines += [map(escape_cell, row) for row in table.rows]
    rows = "\n".join(f"|{'|'.join(line)}|" for line in lines)
    return f"**{escape_cell(table.title)}**\n\n{rows}"


def _in_code(text: str) -> str:
    """Text that cannot end the code that it stands in."""
    return " ".join(text.replace("`", "").split())
