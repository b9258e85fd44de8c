"""A step that ranks of this machine really shared: bytes beside the formula, phases, and Run."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.controls.device import chosen_device
from dashboard.data.rank_rows import is_usable, newest_split, rank_rows
from dashboard.data.several_gpus import smallest_dcp
from dashboard.figures.rank_phases import rank_phases
from dashboard.report import rank_sentences as sentences
from dashboard.report.several_gpus_tables import ranks_table
from dashboard.settings.several_gpus import SeveralGpusSettings, n_local_ranks, name_variant
from dashboard.shell import loaders, logged, panels
from dashboard.shell.log import read_log
from dashboard.shell.page_content import note_command
from dashboard.views.device import device_or_notice
from dashboard.views.run_panel import current_run, show_run_bar
from gqa_core import units
from gqa_core.records.header import MEASURED_HERE
from gqa_core.records.kinds import Record, ShardedRecord

__all__ = ["most_own_ranks", "show_cluster_commands", "show_measured", "show_ranks_bar"]

FEW_ROWS = 16
ANCHOR = "measured"  # of the measured part, in links of this page


def show_measured(
    settings: SeveralGpusSettings,
    live_records: Sequence[Record],
    own_ranks: int,
    pointer: DeltaGenerator,
) -> None:
    """Draw the newest measured split with these settings; nothing if there is none.

    Into `pointer`, which is on the first screen, goes a line that leads here.
    """
    known = read_log(lambda: logged.records("sharded"), ())
    records = newest_split(settings, (*known, *live_records), own_ranks)
    if not records:
        return
    rows = rank_rows(records)
    heading = sentences.heading(records[0])
    pointer.caption(f"[{heading}](#{ANCHOR}): what each rank held and sent, below.")
    st.subheader(heading, anchor=ANCHOR)
    st.markdown(panels.escape_markdown(sentences.bytes_sentence(rows)))
    if caveat := sentences.speed_caveat(records):
        panels.show_notice(caveat)
    table, evidence = ranks_table(rows), (MEASURED_HERE, "formula")
    if len(table) <= FEW_ROWS:
        panels.show_small_table(table, evidence)
    else:
        alt = "What each rank held and sent beside the formula"
        panels.show_table(table, "ranks", alt, evidence)
    panels.show_downloads("ranks", {"csv": table.csv})
    _show_phases(records)


def _show_phases(records: Sequence[ShardedRecord]) -> None:
    """Draw the phases of the steps whose samples are usable, and the verdict on all."""
    if doubt := sentences.verdict_sentence(records):
        panels.show_notice(panels.escape_markdown(doubt))
    if usable := [record for record in records if is_usable(record)]:
        panels.show_figure(
            rank_phases(usable),
            "rank_phases",
            sentences.phases_takeaway(usable),
            [MEASURED_HERE],
            "Gather and reduce: the time of the rank that comes last, for whom the others wait.",
        )


def show_ranks_bar(bar: DeltaGenerator, settings: SeveralGpusSettings, own_ranks: int) -> None:
    """Draw Run or Cancel into `bar`, and here what would run, or why nothing can be split."""
    local = settings.on_ranks(own_ranks)
    run = current_run()
    if local.tp == 1 and not (run is not None and run.is_active):
        st.caption(sentences.no_split_reason(settings.tp, own_ranks))
        return
    ranks = units.count(local.tp, "rank") + (f" with dcp {local.dcp}" if local.dcp > 1 else "")
    smaller = f", not {settings.tp}, which this machine has no room for" * (local.tp < settings.tp)
    show_run_bar(bar, local.arguments, f"splits each step over {ranks}{smaller}", local.estimate_s)


def show_cluster_commands(settings: SeveralGpusSettings) -> None:
    """Draw, folded, the commands that run the page's split on GPUs of one machine or of two.

    Their dcp is the smallest that keeps each byte of the page's grouped layer once, or the page's.
    """
    place = panels.folded("Run it on a cluster", "cluster_unfolded")
    if place is None:
        return
    layer, chosen_dcp = settings.grouped_layer, settings.dcp
    settings = settings.with_dcp(smallest_dcp(layer, settings.tp))
    with place:
        if settings.dcp > chosen_dcp:
            st.caption(
                f"With dcp {settings.dcp}, the smallest that keeps {name_variant(layer)} once on "
                f"{settings.tp} GPUs; the page shows dcp {chosen_dcp}."
            )
        st.caption("On one machine, a rank per GPU")
        _show_command(sentences.torchrun_command(settings.arguments, settings.tp))
        if settings.tp % 2 == 0:
            st.caption("On two machines: the same line on both; FIRST_HOST is one of them")
            _show_command(sentences.nodes_command(settings.arguments, settings.tp))
        st.caption(
            "Rank 0 writes the records. `docs/sweeps.md` has the same as a Slurm script, and how "
            "many machines measure into one log."
        )


def _show_command(command: str) -> None:
    note_command(command)
    st.code(command, language=None, wrap_lines=True)


def most_own_ranks() -> int:
    """The most ranks that this machine runs side by side; 1 after a notice that it is unknown."""
    name = chosen_device()
    if device_or_notice(name) is None:
        return 1
    info = loaders.known_device(name)
    return n_local_ranks(info) if info else 1
