"""The parts of what a model keeps: their shares over contexts, and a table."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.data.parts import merged_parts, part_bytes, part_shares
from dashboard.figures.part_shares import part_shares_figure
from dashboard.report.part_tables import parts_table
from dashboard.report.part_terms import parts_sentence
from dashboard.shell import panels
from gqa_core.configs import Workload
from gqa_core.theory.parts import MemoryPart


def show_parts(title: str, parts: Sequence[MemoryPart], workload: Workload) -> None:
    """Draw the parts and their sum; nothing for a model whose layers all keep the same."""
    parts = merged_parts(parts)
    if len(parts) < 2:
        return
    st.subheader(title)
    panels.show_evidence("formula")
    entries = part_bytes(parts, workload)
    panels.show_figure(
        part_shares_figure(part_shares(parts, workload)),
        "part_shares",
        parts_sentence(parts, workload),
    )
    table = parts_table(entries, workload.context_len, workload.batch_size)
    panels.show_small_table(table)
    panels.show_downloads("parts", {"csv": table.csv})
