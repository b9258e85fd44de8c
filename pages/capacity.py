"""Capacity: what fits on these GPUs, and for how many users?"""

import streamlit as st

from dashboard.controls.capacity import capacity_controls
from dashboard.data.capacity import LABEL_PERCENT, sequence_curves
from dashboard.figures.sequences_vs_context import sequences_vs_context
from dashboard.report import capacity_sentences as sentences
from dashboard.report.capacity_tables import plan_table, sequences_table
from dashboard.settings.options import CONTEXT_LENS
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.engine_log import show_engine_log
from dashboard.views.memory_parts import show_parts

PARTS_TITLE = "What one sequence keeps on each GPU"

open_page(
    "What fits, and for how many users",
    "The lecture: “This large memory requirement makes inference slow and expensive.” How many "
    "users and how long a context fit on these GPUs, and how much memory do they need?",
)
plan = capacity_controls()
if missing := sentences.missing_sentence(plan):
    st.warning(missing)
    show_parts(PARTS_TITLE, plan.parts_per_gpu, plan.one_sequence)
    show_engine_log(plan)
    st.stop()
evidence = ("formula", "published") if plan.gpu_source else ("formula",)
error = sentences.weights_error(plan)
panels.show_metrics(sentences.metrics(plan))
if error:
    st.warning(error)
else:
    panels.show_evidence(*evidence)
    panels.show_figure(
        sequences_vs_context(sequence_curves(plan, CONTEXT_LENS)),
        "sequences",
        sentences.answer(plan),
    )
    if ties := sentences.ties_sentence(plan):
        st.caption(ties)
st.subheader("The numbers")
panels.show_evidence(*evidence)
table = plan_table(plan)
panels.show_small_table(table)
panels.show_downloads("capacity", {"csv": table.csv})
if place := panels.lazy_expander("Sequences that fit, by context", "sequences_unfolded"):
    with place:
        by_context = sequences_table(plan, CONTEXT_LENS)
        panels.show_table(by_context, "by_context", "Sequences that fit at each context")
        panels.show_downloads("sequences", {"csv": by_context.csv})
show_parts(PARTS_TITLE, plan.parts_per_gpu, plan.one_sequence)
show_engine_log(plan)
st.markdown(
    f"**The arithmetic**, with your numbers, for {plan.variant}:\n\n"
    + "".join(f"- {line}\n" for line in sentences.arithmetic(plan))
    + "\n**Formula.** Room = memory x utilisation - weights / GPUs; sequences = room / bytes of "
    "one sequence, rounded down. With tensor parallelism, a GPU caches max(1, K/V heads / GPUs) "
    "heads, or MLA's whole latent. If layers have a window, there are two numbers: *as allocated*, "
    "every layer has slots for the whole context; *ideal*, a layer has slots for its window only. "
    f"**Source.** Memory of the GPU: {plan.gpu_source or 'typed'}; heads on GPUs: "
    "vllm-project/vllm, QKVParallelLinear. "
    "**Limits.** The results are estimates. Memory is the number on the vendor's label, read as "
    f"decimal GB, and usable memory is up to {LABEL_PERCENT}% less. Activations and the "
    "runtime are covered only by the memory that the utilisation leaves. Weights are assumed to be "
    "split evenly and equal for every variant. Page padding is not counted, nor are savings from "
    "shared prefixes. Whether that many users are served fast enough is another question."
)
st.success(f"**Answer.** {sentences.answer(plan)}")
