"""Generation with and without a cache: by formula at once, with measured times over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.controls import device
from dashboard.data import generation
from dashboard.data.cached_work import CachedWork, cached_work
from dashboard.data.generation import Generations
from dashboard.figures.cached_work import cached_work_figure
from dashboard.figures.generation_time import step_vs_tokens, total_vs_tokens
from dashboard.figures.growth_time import append_vs_tokens
from dashboard.figures.score_cells import score_cells_figure
from dashboard.report import generation_sentences as sentences
from dashboard.report.generation_tables import exponent_table, growth_table, time_table
from dashboard.settings.measurement import GenerationSettings
from dashboard.shell import loaders, logged, panels
from dashboard.shell.log import read_log
from dashboard.shell.samples import show_sample_warnings
from gqa_core import units
from gqa_core.records.device_names import DEFAULT_DEVICE
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE, Device, Evidence
from gqa_core.records.kinds import encode_record
from gqa_core.records.log.columns import config_key
from gqa_core.records.log.selection import RecordFilter
from gqa_core.records.specs.generate import GenerateSpec

NOTHING_MEASURED = (
    "Nothing is measured for these settings yet: the numbers above are counted. Press **Run** to "
    "time them on this machine."
)
CELLS_TAKEAWAY = (
    "Score cells of twelve tokens, step by step: with a cache one row per step, 78 in all; without "
    "one the whole triangle each time, 364 in all."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The records that a page shows, where they were measured, and why their times are in doubt."""

    generations: Generations
    evidence: Evidence
    doubts: Sequence[str]

    @property
    def is_sound(self) -> bool:
        """True if both modes are measured and nothing disturbed them."""
        return self.generations.is_complete and not self.doubts


def shown_records(settings: GenerationSettings) -> Shown:
    """The newest records of these settings: this machine's, or else those of the sample runs."""
    live = loaders.live_records(st.query_params.get("run"))
    where = RecordFilter(configs=(config_key(settings.attention),))
    known = [
        *read_log(lambda: logged.records("generate", where), ()),
        *read_log(lambda: logged.records("growth", where), ()),
    ]
    own = generation.matching([*known, *live], settings, _known_device())
    if own.by_mode or own.by_policy:
        doubts = loaders.doubts(own.by_mode.values())
        return Shown(generations=own, evidence=MEASURED_HERE, doubts=doubts)
    show_sample_warnings()
    samples = generation.matching(loaders.sample_records(), settings)
    return Shown(generations=samples, evidence=MEASURED_ELSEWHERE, doubts=())


def show_work(settings: GenerationSettings, shown: Shown) -> None:
    """Draw the answer, its numbers, and the work of each step as lines and as cells."""
    work = _work(settings, shown)
    measured = ""
    if shown.is_sound:
        times = shown.generations, settings.context_len, shown.evidence
        measured = sentences.measured_sentence(*times)
    panels.show_answer(f"{sentences.work_answer(work)} {measured}".strip())
    if shown.doubts:
        st.warning(sentences.doubt_sentence(shown.doubts))
    panels.show_strip(sentences.work_metrics(work, _cache_bytes(settings)))
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show_figure(
            cached_work_figure(work),
            "cached_work",
            sentences.work_takeaway(work),
            ("formula", *[shown.evidence] * bool(work.measured)),
            _machine(shown) if work.measured else "Cells of one head.",
        )
    with right:
        panels.show_figure(
            score_cells_figure(),
            "score_cells",
            CELLS_TAKEAWAY,
            ("formula",),
            "Full: computed in this step. Pale: in the cache already.",
        )


def show_measured(shown: Shown) -> None:
    """Draw the times of steps and totals and the powers fitted to them, folded."""
    all_series = generation.series(shown.generations.by_mode)
    if not all_series:
        st.info(NOTHING_MEASURED)
        return
    place = panels.folded("Measured times and fitted exponents", "generation_unfolded")
    if place is None:
        return
    with place:
        _show_times(all_series, shown)


def show_growth(shown: Shown) -> None:
    """Draw the chart and table of the measured growth policies."""
    by_policy, evidence = shown.generations.by_policy, shown.evidence
    if not by_policy:
        st.caption("The policies are timed by the same run.")
        return
    table = growth_table(by_policy)
    takeaway = ", ".join(
        f"{name}: {units.duration(record.totals_s.append[-1])}"
        for name, record in by_policy.items()
    )
    panels.show_figure(
        append_vs_tokens(by_policy, evidence),
        "append_vs_tokens",
        f"All appends: {takeaway}.",
        (evidence,),
    )
    panels.show_table(table, "growth", "Time, peak memory and waste of each growth policy")
    lines = [encode_record(record) for record in by_policy.values()]
    panels.show_downloads("growth", {"csv": table.csv, "jsonl": lambda: "\n".join(lines) + "\n"})


def _machine(shown: Shown) -> str:
    """A caption of measured markers that names their machine."""
    record = next(iter(shown.generations.by_mode.values()))
    device_name = panels.escape_markdown(record.device.name)
    return f"Lines: cells. Markers: seconds, on {device_name}."


def _known_device() -> Device | None:
    """The device to measure on, None (any) until this server has determined it."""
    info = loaders.known_device(st.session_state.get(device.KEY, DEFAULT_DEVICE))
    return info.device if info else None


def _work(settings: GenerationSettings, shown: Shown) -> CachedWork:
    all_series = generation.series(shown.generations.by_mode) if shown.is_sound else ()
    return cached_work(settings.context_len, all_series, shown.evidence)


def _show_times(all_series: Sequence[generation.Series], shown: Shown) -> None:
    evidence = shown.evidence
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show_figure(
            step_vs_tokens(all_series, evidence),
            "step_vs_tokens",
            sentences.takeaway(all_series, "step"),
            (evidence, "fit"),
            "The step that adds token n.",
        )
    with right:
        panels.show_figure(
            total_vs_tokens(all_series, evidence),
            "total_vs_tokens",
            sentences.takeaway(all_series, "total"),
            (evidence, "fit"),
            "All n tokens.",
        )
    table = exponent_table(all_series)
    panels.show_table(table, "exponents", "Exponents: fitted with standard errors, and theoretical")
    if shown.generations.is_complete:
        difference = generation.largest_difference(shown.generations.by_mode)
        st.caption(f"The outputs of both modes differ by at most {difference:.1g}, near 1.")
    lines = [encode_record(record) for record in shown.generations.by_mode.values()]
    panels.show_downloads(
        "generation",
        {"csv": time_table(all_series).csv, "jsonl": lambda: "\n".join(lines) + "\n"},
    )


def _cache_bytes(settings: GenerationSettings) -> int:
    point = GenerateSpec(
        mode="cached",
        attention=settings.attention,
        context_lens=(settings.context_len,),
        n_layers=settings.n_layers,
    )
    return point.formula_bytes
