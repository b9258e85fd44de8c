"""The parts of a page as data from which a report and a summary are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.report.metric import Metric

__all__ = ["PageReport", "ReportFigure", "ReportTable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFigure:
    """A chart: Plotly's JSON of its data, layout and frames, and the sentence that it supports.

    `takeaway` is plain text, `caption` Markdown.
    """

    key: str
    plotly_json: str
    takeaway: str
    evidence: Sequence[str] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """A table's cells as they are shown; `is_number` says which columns are aligned right."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_number: Sequence[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReport:
    """Everything that a report of a page contains.

    `answer` and `notices` are sentences of Markdown, `method` paragraphs and lists of it;
    `evidence` are kinds beside those of the figures, `settings` the link's parameters, `versions`
    those of the software by name, and `created` is a time in UTC.
    """

    title: str
    answer: str
    notices: Sequence[str]
    metrics: Sequence[Metric]
    parts: Sequence[ReportFigure | ReportTable]
    evidence: Sequence[str]
    method: str
    settings: Mapping[str, str]
    commands: Sequence[str]
    link: str
    versions: Mapping[str, str]
    created: str

    @property
    def kinds_of_evidence(self) -> list[str]:
        """The kinds of evidence of all numbers, each once."""
        figure_kinds = (kind for figure in self.figures for kind in figure.evidence)
        return list(dict.fromkeys((*figure_kinds, *self.evidence)))

    @property
    def figures(self) -> list[ReportFigure]:
        """The charts, in the order of the page."""
        return [part for part in self.parts if isinstance(part, ReportFigure)]

    @property
    def tables(self) -> list[ReportTable]:
        """The tables, in the order of the page."""
        return [part for part in self.parts if isinstance(part, ReportTable)]
