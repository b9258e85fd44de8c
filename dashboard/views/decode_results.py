"""Decode steps over context: answer, strip, chart, tables and downloads, measured or predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.controls.device import chosen_device
from dashboard.data import decode_rows as tables
from dashboard.data.cache_formats import format_rows
from dashboard.data.decode_view import DecodeSources, DecodeView
from dashboard.data.predicted_steps import PredictedSteps
from dashboard.figures.attend_vs_context import attend_vs_context
from dashboard.report import decode_sentences as sentences
from dashboard.report.cache_format_tables import format_table
from dashboard.report.columns import Table
from dashboard.report.decode_tables import attend_table, performance_table
from dashboard.report.metric import Metric
from dashboard.report.predictions import prediction_sentence
from dashboard.settings.measurement import DecodeSettings
from dashboard.shell import loaders, logged, panels
from dashboard.shell.log import read_log
from dashboard.shell.logged import Read
from dashboard.views.device import device_or_notice
from dashboard.views.verdict import show_doubts, show_unusable, show_verdict
from gqa_core.records.kinds import Record, VerifyRecord, encode_record
from gqa_core.records.log.selection import RecordFilter

BuildTable = Callable[[Sequence[tables.Row]], Table]

POINTS = "Measured decode steps, one row per point"
NOTHING = (
    "Nothing is measured here with these settings, and no sample runs can be shown. Press "
    "**Run here**: the results are drawn as they come."
)


def show_times(sources: DecodeSources, top: DeltaGenerator) -> None:
    """Draw the attend times of one step: the answer into `top`, the rest here."""
    view, predicted = sources.times(), sources.predicted()
    context_len = sources.settings.context_len
    shown = [row for row in view.rows if row.context_len == context_len]
    with top:
        takeaway = _show_answer(shown, predicted, context_len, is_running=sources.is_running)
    panels.show_figure(
        attend_vs_context((*view.reference_rows, *view.rows), predicted, context_len),
        "attend_vs_context",
        takeaway,
        figure_evidence(view, predicted),
        rates_caption(predicted),
    )
    if view.rows:
        _show_tables(sources, view)


def figure_evidence(view: DecodeView, predicted: PredictedSteps | None) -> list[str]:
    """The kinds of evidence of a figure of measured rows over predicted lines."""
    return [*view.evidence, *["formula"] * (predicted is not None)]


def rates_caption(predicted: PredictedSteps | None) -> str:
    """A line about the machine whose rates are behind the lines; empty without lines."""
    if predicted is None:
        return ""
    return f"Lines: formula with {panels.escape_markdown(sentences.rates_name(predicted))}."


def _show_answer(
    shown: Sequence[tables.Row],
    predicted: PredictedSteps | None,
    context_len: int,
    *,
    is_running: bool,
) -> str:
    """Draw answer and strip at the context of the sliders, or why there are none; returns it."""
    if shown and not all(row.is_usable for row in shown):
        show_unusable(f"No times at {context_len} tokens.", shown)
        return sentences.decode_answer(shown, context_len)
    if shown:
        answer = sentences.decode_answer(shown, context_len)
        panels.show_answer(panels.escape_markdown(f"{answer} {sentences.source_sentence(shown)}"))
        show_verdict(shown)
        _show_strip(sentences.speed_notes(shown))
    elif predicted is not None:
        answer = sentences.predicted_answer(predicted, context_len)
        panels.show_answer(panels.escape_markdown(answer))
        _show_strip(sentences.predicted_notes(predicted.attend_times(context_len)))
    else:
        answer = sentences.nothing_sentence()
        show_nothing(is_running=is_running)
    return answer


def show_nothing(*, is_running: bool) -> None:
    """Say that nothing is measured yet, unless a run is about to change that."""
    if not is_running:
        st.info(NOTHING)


def _show_strip(notes: dict[str, tuple[str, str]]) -> None:
    panels.show_strip([Metric(name, value, note, name) for name, (value, note) in notes.items()])


def _show_tables(sources: DecodeSources, view: DecodeView) -> None:
    """Draw the folded tables of the rows, and their downloads."""
    rows = view.rows
    if place := panels.folded("The numbers", "attend_unfolded"):
        with place:
            evidence = (*view.evidence[:1], "formula")
            caption = prediction_sentence(tables.usable(rows))
            panels.show_small_table(attend_table(rows), evidence, caption)
            show_doubts(rows)
            show_point_downloads("decode", rows, performance_table)
    _show_formats(sources.settings, sources.sample if view.is_sample else sources.own)
    show_every_point(rows, performance_table, "performance", POINTS)


def show_every_point(
    rows: Sequence[tables.Row], build_table: BuildTable, key: str, alt: str
) -> None:
    """Draw an expander with the table of all points."""
    if place := panels.folded("Every point in full", f"{key}_unfolded"):
        with place:
            panels.show_table(build_table(rows), key, alt)


def show_point_downloads(name: str, rows: Sequence[tables.Row], build_table: BuildTable) -> None:
    """Draw downloads of the rows' table as CSV and of their records as JSON Lines."""
    panels.show_downloads(
        name,
        {
            "csv": lambda: build_table(rows).csv(),
            "jsonl": lambda: "".join(encode_record(row.record) + "\n" for row in rows),
        },
    )


def own_rows(settings: DecodeSettings, live_records: Sequence[Record]) -> list[tables.Row]:
    """Decode rows of the chosen device that bear on these settings: logged, and of this run.

    The device is probed only if there are rows to compare it with.
    """
    live = tables.decode_rows(live_records)
    if not live and not read_log(lambda: Read(logged.has_records(logged.DECODE)), False):
        return []
    info = device_or_notice(chosen_device())
    if info is None:
        return []
    rows = read_log(lambda: logged.own_decode_rows(settings, info), ())
    known = {(row.record.run_id, row.record.point) for row in rows}
    missing = [row for row in live if (row.record.run_id, row.record.point) not in known]
    return [*rows, *tables.measured_on(missing, info)]


def _show_formats(settings: DecodeSettings, rows: Sequence[tables.Row]) -> None:
    """Draw the formats of the cache beside each other, where more than one was measured."""
    where = RecordFilter(context_lens=(settings.context_len,), dtypes=(settings.dtype,))
    known = (*loaders.sample_records(), *read_log(lambda: logged.records("verify", where), ()))
    comparisons = [record for record in known if isinstance(record, VerifyRecord)]
    formats = format_rows(rows, comparisons, settings)
    if not formats:
        return
    if place := panels.folded("Formats of the cache beside each other", "formats_unfolded"):
        with place:
            st.caption(
                f"At {settings.context_len} tokens. The error is that of the output against "
                "float64, on normal values: the page **Same result?** measures it at this head "
                "width, context and number format."
            )
            panels.show_small_table(format_table(formats))
