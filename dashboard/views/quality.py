"""What is measured of sharing heads in a small model, here and elsewhere, and what is published."""

from __future__ import annotations

import json
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
from dashboard.shell import loaders, panels
from gqa_core import units
from gqa_core.catalog.results import GQA_PAPER, published_results, published_tables
from gqa_core.records.record import MEASURED_ELSEWHERE, MEASURED_HERE, Record
from gqa_core.records.run_log import RunLogError
from gqa_core.records.specs.quality import SCRATCH, STARTS, tasks_left

ASKED = "This is not all measured on this machine yet. Press **Run**."
NO_GRID = "No records of another machine came along with this copy."
GRID_PERCENT = 5  # of uptraining, as in the GQA paper


@dataclass(frozen=True, slots=True)
class Measured:
    """Comparable records measured here, and those that came along."""

    here: list[Record]
    elsewhere: Sequence[Record]

    def series(self, start: str) -> list[LossSeries]:
        """Series of one start: those measured here first."""
        return self.series_here(start) + self.series_elsewhere(start)

    def series_here(self, start: str) -> list[LossSeries]:
        """Those measured here."""
        return rows.loss_series(self.here, start, MEASURED_HERE)

    def series_elsewhere(self, start: str) -> list[LossSeries]:
        """Those that came along."""
        return rows.loss_series(self.elsewhere, start, MEASURED_ELSEWHERE)

    def told(self, settings: QualitySettings) -> list[LossSeries]:
        """What the metrics tell of: this machine's, once there is all of it, or the shipped."""
        here = self.series_here(settings.pooling)
        is_whole = len(sentences.metrics(here, settings.percent)) == len(settings.specs)
        return here if is_whole else self.series_elsewhere(settings.pooling)


def found_quality(held: Sequence[Record]) -> Measured:
    """The records of the log and of `held` on this Python's text, and the shipped ones."""
    try:
        logged = loaders.logged_records("quality")
    except RunLogError as error:
        st.warning(f"The {error}.")
        logged = ()
    here = rows.comparable([*logged, *held], loaders.corpus_sha256())
    return Measured(here, loaders.shipped_quality())


def show_losses(settings: QualitySettings, measured: Measured, *, is_running: bool) -> None:
    """Metrics, and the loss against uptraining and against the cache."""
    note = st.container()  # there in any case: charts below that change their place are drawn anew
    if not is_running and tasks_left(settings.specs, measured.here, loaders.corpus_sha256()):
        note.info(ASKED)
    found, scratch = measured.series(settings.pooling), measured.series(SCRATCH)
    if not found:
        return
    told = measured.told(settings)
    if told_metrics := sentences.metrics(told, settings.percent):
        panels.show_evidence(told[0].evidence)
        panels.show_metrics(told_metrics)
        st.caption(f"Medians of {units.count(len(told[0].seeds), 'seed')}, in nats a byte.")
    losses = rows.all_losses([*measured.here, *measured.elsewhere])
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Loss against uptraining")
        panels.show_evidence(*_kinds(found))
        figure = loss_vs_percent(found, PERCENTS, losses)
        panels.show_figure(
            figure, "loss_vs_percent", sentences.order_sentence(told, settings.percent)
        )
    with right:
        st.subheader(f"Loss against cache, {settings.percent}% uptrained")
        panels.show_evidence(*_kinds([*found, *scratch]))
        sizes = [one.cache_bytes for one in (*found, *scratch)]
        figure = loss_vs_cache([*found, *scratch], settings.percent, sizes, losses)
        panels.show_figure(
            figure, "loss_vs_cache", sentences.order_sentence(told, settings.percent)
        )
    if said := sentences.order_sentence(told, settings.percent):
        st.markdown(f"**At {settings.percent}%, {told[0].evidence}.** {said}")
    if measured.here:
        _show_here(measured)


def show_grid(measured: Measured) -> None:
    """The shipped records: every start, three seeds, and whether the order holds in each."""
    if not measured.elsewhere:
        st.info(NO_GRID)
        return
    panels.show_evidence(MEASURED_ELSEWHERE)
    by_start = {start: measured.series_elsewhere(start) for start in STARTS}
    lines = [
        f"- *{start}*: {said}"
        for start, found in by_start.items()
        if (said := sentences.order_sentence(found, GRID_PERCENT))
    ]
    st.markdown(
        f"At {GRID_PERCENT}% of uptraining, from scratch after all steps:\n\n" + "\n".join(lines)
    )
    st.markdown(sentences.pooling_sentence(by_start, GRID_PERCENT))
    table = loss_table(one for found in by_start.values() for one in found)
    panels.show_table(table, "grid", "Losses that came along, with their spread over seeds")
    panels.show_downloads(
        "quality_grid",
        {
            "csv": table.csv,
            "jsonl": lambda: "".join(json.dumps(one) + "\n" for one in measured.elsewhere),
        },
    )
    _show_origin(measured.elsewhere)


def show_published() -> None:
    """The published tables, each by itself, and the GQA paper's as score against time."""
    panels.show_evidence("published")
    panels.show_figure(
        score_vs_time([one for one in published_results() if one.table == GQA_PAPER]),
        "score_vs_time",
        "GQA is nearly as fast as MQA and scores nearly as high as MHA.",
    )
    for table in published_tables():
        st.markdown(f"**{table}**")
        panels.show_small_table(published_table(table))


def show_answer(settings: QualitySettings, measured: Measured) -> None:
    """One line from the records; nothing until there are some."""
    told = measured.told(settings)
    scratch = measured.series_here(SCRATCH) or measured.series_elsewhere(SCRATCH)
    if said := sentences.answer(told, scratch, settings.percent):
        st.success(f"**Answer, {told[0].evidence}.** {said}")


def _show_here(measured: Measured) -> None:
    place = panels.lazy_expander("All that is measured here", "quality_unfolded")
    if place is None:
        return
    table = loss_table([one for start in STARTS for one in measured.series_here(start)])
    with place:
        panels.show_evidence(MEASURED_HERE)
        panels.show_table(table, "quality", "Losses measured here, one line a model and percent")
        panels.show_downloads(
            "quality",
            {
                "csv": table.csv,
                "jsonl": lambda: "".join(json.dumps(one) + "\n" for one in measured.here),
            },
        )


def _show_origin(records: Sequence[Record]) -> None:
    said = f"Measured on {sentences.machines(records)}."
    if any(record["corpus_sha256"] != loaders.corpus_sha256() for record in records):
        said += " This Python's manual is another text: levels differ from what is measured here."
    st.caption(panels.escape_markdown(said))


def _kinds(found: Sequence[LossSeries]) -> list[str]:
    return list(dict.fromkeys(one.evidence for one in found))
