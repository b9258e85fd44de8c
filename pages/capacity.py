"""Capacity: what fits on these GPUs, and for how many users?"""

import streamlit as st

from dashboard.controls.capacity import capacity_controls
from dashboard.data.capacity import sequence_curves
from dashboard.figures.sequences_vs_context import sequences_vs_context
from dashboard.report import capacity_sentences as sentences
from dashboard.report.capacity_arithmetic import arithmetic
from dashboard.report.capacity_tables import plan_table, sequences_table
from dashboard.settings.options import CONTEXT_LENS
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.allocation import show_allocation
from dashboard.views.engine_log import show_engine_log

open_page("What fits, and for how many users")
plan = capacity_controls()
if missing := sentences.missing_sentence(plan):
    panels.show_notice(missing)
    show_allocation(plan)
    show_engine_log(plan)
    st.stop()
evidence = ("formula", "published") if plan.gpu_source else ("formula",)
error = sentences.weights_error(plan)
if error:
    panels.show_notice(error)
else:
    panels.show_answer(sentences.answer(plan))
panels.show_strip(sentences.metrics(plan))
if not error:
    panels.show_figure(
        sequences_vs_context(sequence_curves(plan, CONTEXT_LENS)),
        "sequences",
        sentences.answer(plan),
        evidence,
    )
    for note in sentences.notes(plan):
        st.caption(note)
st.subheader("The numbers")
panels.show_evidence(*evidence)
table = plan_table(plan)
panels.show_small_table(table)
panels.show_downloads("capacity", {"csv": table.csv})
if place := panels.folded("Sequences that fit, by context", "sequences_unfolded"):
    with place:
        by_context = sequences_table(plan, CONTEXT_LENS)
        panels.show_table(by_context, "by_context", "Sequences that fit at each context")
        panels.show_downloads("sequences", {"csv": by_context.csv})
show_allocation(plan)
show_engine_log(plan)
panels.show_method(
    f"**The arithmetic**, with your numbers, for {plan.variant}:\n\n"
    + "".join(f"- {line}\n" for line in arithmetic(plan))
    + "\n**Formula.** Room = usable memory x utilisation - weights / GPUs - what the engine takes "
    "besides; sequences = room / bytes of one sequence, rounded down. Expected are the engine's "
    "usual needs, to count on those of the worst log. With tensor parallelism, a GPU caches "
    "max(1, K/V heads / GPUs) heads, or MLA's whole latent. If layers have a window, there are two "
    "numbers: *as allocated*, every layer has slots for the whole context; *ideal*, a layer has "
    "slots for its window only. "
    f"**Source.** Memory of the GPU: {plan.gpu_source or 'typed'}; heads on GPUs: "
    "vllm-project/vllm, QKVParallelLinear. "
    f"**Limits.** {sentences.errors_sentence()} Weights are assumed to be split evenly over tensor "
    "parallel GPUs and stages, equal for every variant, and whole on each data-parallel rank. "
    "Savings from shared prefixes are not counted. Whether that many users are served fast enough "
    "is another question."
)
