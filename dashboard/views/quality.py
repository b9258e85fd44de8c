"""Quality of models with shared heads: a small one measured here and elsewhere, and published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.data import quality as rows
from dashboard.data.quality import LossSeries
from dashboard.figures.loss_vs_cache import loss_vs_cache
from dashboard.figures.loss_vs_percent import loss_vs_percent
from dashboard.figures.score_vs_time import score_vs_time
from dashboard.report import quality_sentences as sentences
from dashboard.report.quality_tables import loss_table, published_table
from dashboard.settings.measurement import PERCENTS, QualitySettings
from dashboard.settings.options import PAPER_PERCENT
from dashboard.shell import loaders, logged, panels
from dashboard.shell.log import read_log
from gqa_core import units
from gqa_core.catalog.results import GQA_PAPER, published_results, published_tables
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE
from gqa_core.records.kinds import QualityRecord, Record, encode_record
from gqa_core.records.kinds.quality import unanswered_specs
from gqa_core.records.specs.quality import SCRATCH, STARTS, Start

INCOMPLETE = "Not everything is measured on this machine yet: press **Run** to measure the rest."
NO_ANSWER = "Held-out losses of the models that were measured; MHA or all others are missing."
NO_GRID = "This copy has no records from another machine."


@dataclass(frozen=True, slots=True)
class LossRecords:
    """Comparable records measured here, and reference records measured elsewhere."""

    local: list[QualityRecord]
    elsewhere: Sequence[QualityRecord]

    def series(self, start: Start) -> list[LossSeries]:
        """Series of one start, those measured here first."""
        return self.series_here(start) + self.series_elsewhere(start)

    def series_here(self, start: Start) -> list[LossSeries]:
        """Series of one start measured here."""
        return rows.loss_series(self.local, start, MEASURED_HERE)

    def series_elsewhere(self, start: Start) -> list[LossSeries]:
        """Series of one start measured elsewhere."""
        return rows.loss_series(self.elsewhere, start, MEASURED_ELSEWHERE)

    def best_available(self, settings: QualitySettings) -> list[LossSeries]:
        """Series measured here once they are complete, else those measured elsewhere."""
        measured_here = self.series_here(settings.pooling)
        is_complete = len(sentences.metrics(measured_here, settings.percent)) == len(settings.specs)
        return measured_here if is_complete else self.series_elsewhere(settings.pooling)


def loss_records(live_records: Sequence[Record]) -> LossRecords:
    """Records of the log and this run on this Python's text, and the reference records."""
    known = read_log(lambda: logged.records("quality"), ())
    local = rows.comparable([*known, *live_records], loaders.corpus_sha256())
    return LossRecords(local, loaders.shipped_quality())


def show_losses(settings: QualitySettings, records: LossRecords) -> None:
    """Draw the answer, the losses in numbers, and the loss over uptraining and over the cache."""
    best = records.best_available(settings)
    scratch = records.series_here(SCRATCH) or records.series_elsewhere(SCRATCH)
    sentence = sentences.answer(best, scratch, settings.percent)
    if sentence:
        panels.show_answer(sentence)
    panels.show_strip(sentences.metrics(best, settings.percent))
    if records.series(settings.pooling):
        _show_charts(settings, records, sentence or NO_ANSWER)
    if order := sentences.order_sentence(best, settings.percent):
        seeds = units.count(len(best[0].seeds), "seed")
        st.markdown(f"{order} Medians of {seeds}. {sentences.meaning(best, settings.percent)}")


def show_what_is_missing(settings: QualitySettings, records: LossRecords, *, can_run: bool) -> None:
    """Say that a run would measure more here, and draw what was measured here, folded."""
    if can_run and unanswered_specs(settings.specs, records.local, loaders.corpus_sha256()):
        st.caption(INCOMPLETE)
    if records.local:
        _show_here(records)


def _show_charts(settings: QualitySettings, records: LossRecords, takeaway: str) -> None:
    shared, scratch = records.series(settings.pooling), records.series(SCRATCH)
    losses = rows.all_losses([*records.local, *records.elsewhere])
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show_figure(
            loss_vs_percent(shared, PERCENTS, losses),
            "loss_vs_percent",
            takeaway,
            _kinds(shared),
            f"Loss against uptraining, heads shared by {settings.pooling}.",
        )
    with right:
        both = [*shared, *scratch]
        figure = loss_vs_cache(both, settings.percent, [s.cache_bytes for s in both], losses)
        panels.show_figure(
            figure,
            "loss_vs_cache",
            takeaway,
            _kinds(both),
            f"Loss against the cache, {settings.percent}% uptrained.",
        )


def show_grid(records: LossRecords) -> None:
    """Draw the reference records, folded: every start, and whether the order holds."""
    if not records.elsewhere:
        st.info(NO_GRID)
        return
    if place := panels.folded("The whole grid, measured elsewhere", "quality_grid_unfolded"):
        with place:
            _show_grid(records)


def _show_grid(records: LossRecords) -> None:
    panels.show_evidence(MEASURED_ELSEWHERE)
    by_start = {start: records.series_elsewhere(start) for start in STARTS}
    lines = [
        f"- *{start}*: {sentence}"
        for start, series in by_start.items()
        if (sentence := sentences.order_sentence(series, PAPER_PERCENT))
    ]
    st.markdown(
        f"At {PAPER_PERCENT}% of uptraining, from scratch after all steps:\n\n" + "\n".join(lines)
    )
    st.markdown(sentences.pooling_sentence(by_start, PAPER_PERCENT))
    table = loss_table(series for all_series in by_start.values() for series in all_series)
    panels.show_table(table, "grid", "Losses measured elsewhere, with their spread over seeds")
    panels.show_downloads(
        "quality_grid",
        {
            "csv": table.csv,
            "jsonl": lambda: "".join(encode_record(record) + "\n" for record in records.elsewhere),
        },
    )
    _show_origin(records.elsewhere)


def show_published() -> None:
    """Draw each published table, folded, and the GQA paper's also as score over time."""
    place = panels.folded("What others published", "quality_published_unfolded")
    if place is None:
        return
    with place:
        panels.show_figure(
            score_vs_time([model for model in published_results() if model.table == GQA_PAPER]),
            "score_vs_time",
            "GQA is nearly as fast as MQA and scores nearly as high as MHA.",
            ("published",),
        )
        for table in published_tables():
            st.markdown(f"**{table}**")
            panels.show_small_table(published_table(table))
        st.caption(
            "Each table covers one family of models: compare rows within a table only. No "
            "published row compares GQA with MLA directly; each is compared with MHA, in "
            "different models."
        )


def _show_here(records: LossRecords) -> None:
    place = panels.folded("Everything measured here", "quality_unfolded")
    if place is None:
        return
    table = loss_table([series for start in STARTS for series in records.series_here(start)])
    with place:
        alt = "Losses measured here, one row per model and percent"
        panels.show_table(table, "quality", alt, (MEASURED_HERE,))
        panels.show_downloads(
            "quality",
            {
                "csv": table.csv,
                "jsonl": lambda: "".join(encode_record(record) + "\n" for record in records.local),
            },
        )


def _show_origin(records: Sequence[QualityRecord]) -> None:
    origin = f"Measured on {sentences.machines(records)}."
    if any(record.corpus_sha256 != loaders.corpus_sha256() for record in records):
        origin += " This Python's manual is a different text: losses measured here differ in level."
    st.caption(panels.escape_markdown(origin))


def _kinds(all_series: Sequence[LossSeries]) -> list[str]:
    return list(dict.fromkeys(series.evidence for series in all_series))
