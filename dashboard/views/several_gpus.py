"""Several GPUs by formula: copies of each byte, what dcp changes, and bytes on the wire."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.data.several_gpus import copies_by_dcp, copies_by_tp, gpu_shares
from dashboard.figures.kv_copies import copies_vs_ranks
from dashboard.figures.wire_parts import wire_parts
from dashboard.report import several_gpus_sentences as sentences
from dashboard.report.several_gpus_tables import shares_table
from dashboard.settings.options import MAX_TP
from dashboard.settings.several_gpus import SeveralGpusSettings, name_variant, tp_options
from dashboard.shell import panels

__all__ = ["show_formulas"]


def show_formulas(settings: SeveralGpusSettings, top: DeltaGenerator) -> DeltaGenerator:
    """Draw the answer and strip into `top`, and here the charts and the folded table.

    Returns the place under the answer.
    """
    shares = gpu_shares(settings)
    with top:
        panels.show_answer(sentences.answer(settings, shares))
        under_answer = st.empty()
        panels.show_strip(sentences.metrics(shares))
    _show_copies(settings)
    panels.show_figure(
        wire_parts(shares), "wire_parts", sentences.wire_takeaway(shares), ["formula"]
    )
    if place := panels.folded("The numbers", "several_gpus_unfolded"):
        with place:
            table = shares_table(shares)
            panels.show_small_table(table)
            panels.show_downloads("several_gpus", {"csv": table.csv})
    return under_answer


def _show_copies(settings: SeveralGpusSettings) -> None:
    """Draw the copies as GPUs are added, and beside it as these GPUs share tokens."""
    shares = gpu_shares(settings)
    names = {variant: name_variant(layer) for variant, layer in settings.variants.items()}
    sizes = [tp for tp in tp_options(settings) if tp <= MAX_TP]
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show_figure(
            copies_vs_ranks(
                copies_by_tp(settings, sizes),
                names,
                "GPUs (tp), without dcp",
                most_ranks=sizes[-1],
                most_copies=sizes[-1],
                chosen=settings.tp,
            ),
            "copies_by_tp",
            sentences.copies_takeaway(shares),
            ["formula"],
        )
    with right:
        panels.show_figure(
            copies_vs_ranks(
                copies_by_dcp(settings),
                names,
                f"dcp, on {settings.tp} GPUs",
                most_ranks=settings.tp,
                most_copies=settings.tp,
                chosen=settings.dcp,
            ),
            "copies_by_dcp",
            sentences.dcp_takeaway(settings, shares),
            ["formula"],
        )
