"""One sequence on each GPU: what must be kept, and what the chosen engine allocates."""

from __future__ import annotations

import streamlit as st

from dashboard.data.capacity import IDEAL, Plan
from dashboard.report import allocation_tables as tables
from dashboard.shell import panels
from dashboard.views.memory_parts import show_parts


def show_allocation(plan: Plan) -> None:
    """Draw the parts of a sequence, and the engine's rules beside them."""
    show_parts("What one sequence keeps on each GPU", plan.parts_per_gpu, plan.one_sequence)
    if plan.shown.engine == IDEAL and plan.shown.world == 1:
        return
    if place := panels.folded("As the GPUs allocate it", "allocation_unfolded"):
        with place:
            _show_rules(plan)


def _show_rules(plan: Plan) -> None:
    """The engine's parts of one sequence, and its rules with their sources."""
    panels.show_evidence("formula", "published")
    st.markdown(f"{tables.split_sentence(plan)} {tables.allocation_sentence(plan)}")
    allocation = plan.shown.allocation(plan.context_len)
    table = tables.allocation_table(allocation)
    panels.show_small_table(table)
    panels.show_downloads("allocation", {"csv": table.csv})
    lines = (f"- {panels.escape_markdown(line)}" for line in tables.rule_lines(allocation))
    st.markdown("Rules and their sources:\n\n" + "\n".join(lines))
