"""A page as Markdown to paste into a message: answer, numbers, table, settings, command, link."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.report.markup import escape_cell
from dashboard.report.page_parts import PageReport, ReportTable
from gqa_core import units

MAX_TABLES, MAX_ROWS = 2, 40  # a message is no place for a sweep


def markdown_summary(report: PageReport) -> str:
    """The summary of a page, ending in a line break."""
    return "\n\n".join(_blocks(report)) + "\n"


def _blocks(report: PageReport) -> Iterator[str]:
    yield f"## {escape_cell(report.title)}"
    if report.answer:
        yield report.answer
    for notice in report.notices:
        yield f"> {notice}"
    if report.metrics:
        yield "\n".join(
            f"- {escape_cell(f'{metric.label}: {metric.value}')}"
            + (f" ({escape_cell(metric.note)})" if metric.note else "")
            for metric in report.metrics
        )
    for table in report.tables[:MAX_TABLES]:
        yield from _table_blocks(table)
    if report.tables[MAX_TABLES:]:
        yield f"{units.count(len(report.tables) - MAX_TABLES, 'more table')} in the report."
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


def _table_blocks(table: ReportTable) -> Iterator[str]:
    """The title of a table and its first rows."""
    yield f"**{escape_cell(table.title)}**"
    sides = ["---:" if is_number else "---" for is_number in table.is_number]
    lines = [map(escape_cell, table.headers), sides]
    lines += [map(escape_cell, row) for row in table.rows[:MAX_ROWS]]
    yield "\n".join(f"|{'|'.join(line)}|" for line in lines)
    if len(table.rows) > MAX_ROWS:
        yield f"{len(table.rows) - MAX_ROWS} more rows are in the report."


def _in_code(text: str) -> str:
    """Text that cannot end the code that it stands in."""
    return " ".join(text.replace("`", "").split())
