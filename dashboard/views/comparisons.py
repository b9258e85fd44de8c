"""Comparisons of layers that must agree: answer, strip, errors against tolerances, table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.figures.comparison_errors import comparison_errors
from dashboard.report import verification
from dashboard.report.decode_sentences import machine_name
from dashboard.settings.measurement import VerifySettings
from dashboard.shell import loaders, logged, panels
from dashboard.shell.log import read_log
from dashboard.shell.samples import show_sample_warnings
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE
from gqa_core.records.kinds import Record, VerifyRecord
from gqa_core.records.log.selection import RecordFilter
from gqa_core.records.specs.verify import COMPARISONS, Comparison

NOTHING = (
    "Nothing is compared with these settings yet, and no sample runs can be shown. Press "
    "**Run here**: the results are drawn as they come."
)


@dataclass(frozen=True, slots=True)
class Compared:
    """The newest record per comparison; `is_nearest` if a sample's with other sizes stand in."""

    records: Sequence[VerifyRecord]
    is_sample: bool = False
    is_nearest: bool = False


def compared_records(settings: VerifySettings, live_records: Sequence[Record]) -> Compared:
    """This machine's records with these settings, else a sample's, else a sample's of its sizes.

    Those of other sizes have the same dtype and the same planted errors, where there are such.
    """
    where = RecordFilter(context_lens=(settings.context_len,), dtypes=(settings.dtype,))
    known = read_log(lambda: logged.records("verify", where), ())
    if own := _newest(settings, (*known, *live_records)):
        return Compared(own)
    show_sample_warnings()
    sample = [r for r in loaders.sample_records() if isinstance(r, VerifyRecord)]
    if matching := _newest(settings, sample):
        return Compared(matching, is_sample=True)
    nearest = [record for record in sample if record.planted == settings.planted]
    same_dtype = [record for record in nearest if record.workload.dtype == settings.dtype]
    records = _in_order(same_dtype or nearest[: len(COMPARISONS)])
    return Compared(records, is_sample=True, is_nearest=True)


def show_comparisons(
    settings: VerifySettings, compared: Compared, top: DeltaGenerator, *, is_running: bool
) -> None:
    """Draw these comparisons: the answer into `top`, figure and table here."""
    records = compared.records
    with top:
        if records:
            _show_answer(settings, compared)
        elif not is_running:
            st.info(NOTHING)
    panels.show_figure(
        comparison_errors(records, verification.SHORT_NAMES, is_sample=compared.is_sample),
        "comparison_errors",
        verification.comparisons_answer(records, planted=settings.planted)
        if records
        else "No comparison is made yet.",
        [MEASURED_ELSEWHERE if compared.is_sample else MEASURED_HERE] if records else [],
        verification.nearest_sentence(records) if records else "",
    )
    if records and (place := panels.folded("The numbers", "comparisons_unfolded")):
        with place:
            table = verification.comparison_table(records)
            panels.show_table(table, "comparisons", "Comparisons, their differences and verdicts")
            panels.show_downloads("equivalence", {"csv": table.csv})


def _show_answer(settings: VerifySettings, compared: Compared) -> None:
    records = compared.records
    evidence = "Sample run, measured elsewhere" if compared.is_sample else "Measured here"
    answer = verification.comparisons_answer(records, planted=settings.planted)
    if compared.is_nearest:
        answer = (
            f"Not compared with these settings. {answer} Of {verification.sizes_name(records[0])}."
        )
    machine = machine_name(records[0].device)
    panels.show_answer(panels.escape_markdown(f"{answer} {evidence}: {machine}."))
    panels.show_strip(verification.metrics(records))


def _newest(settings: VerifySettings, records: Iterable[Record]) -> list[VerifyRecord]:
    """The newest record of each comparison with these settings, in the order of all."""
    return _in_order(
        record
        for record in records
        if isinstance(record, VerifyRecord) and settings.matches(record)
    )


def _in_order(records: Iterable[VerifyRecord]) -> list[VerifyRecord]:
    newest: dict[Comparison, VerifyRecord] = {record.comparison: record for record in records}
    return [newest[name] for name in COMPARISONS if name in newest]
