"""The parts of what a model keeps: their shares over contexts, and a table."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.parts import merged_parts, part_bytes, part_shares
from dashboard.figures.part_shares import part_shares_figure
from dashboard.report.part_tables import parts_table
from dashboard.report.part_terms import parts_sentence
from dashboard.shell import panels
from gqa_core.configs import Workload
from gqa_core.theory.parts import MemoryPart


def show_parts(title: str, parts: Sequence[MemoryPart], workload: Workload) -> None:
    """Draw the parts and their sum, folded; nothing if all layers of a model keep the same."""
    parts = merged_parts(parts)
    if len(parts) < 2:
        return
    if place := panels.folded(title, "parts_unfolded"):
        with place:
            _show(parts, workload)


def _show(parts: Sequence[MemoryPart], workload: Workload) -> None:
    entries = part_bytes(parts, workload)
    panels.show_figure(
        part_shares_figure(part_shares(parts, workload)),
        "part_shares",
        parts_sentence(parts, workload),
        ("formula",),
    )
    table = parts_table(entries, workload.context_len, workload.batch_size)
    panels.show_small_table(table)
    panels.show_downloads("parts", {"csv": table.csv})
