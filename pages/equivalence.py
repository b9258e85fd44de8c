"""Is it the same attention: do all variants, forms and kernels agree on the user's sliders?"""

import streamlit as st

from dashboard.controls.measurement import verify_controls
from dashboard.report.verification import comparisons_answer
from dashboard.shell.page import open_page
from dashboard.views.comparisons import show_comparisons
from dashboard.views.device import show_device
from dashboard.views.run_panel import show_command, show_run

open_page(
    "The same attention, computed twice",
    "The lecture: “All 4 heads in Group 1 share the same K and V.” Then GQA at its two ends must "
    "be MHA and MQA, and every way of computing it must agree. Does it?",
)
settings = verify_controls()
show_device()
held, _ = show_run(
    settings.arguments, "Computes every comparison below, each in a process of its own."
)
compared = show_comparisons(settings, held)
st.markdown(
    "**What is compared.** One decode step over the context above, with random inputs rounded to "
    "the number format first; cached against uncached runs a whole layer over at most 64 tokens. "
    "The relative L2 error, |a - b| / |b| over all elements, must stay within the tolerance of the "
    "number format. **The planted error** gives query head i the K/V head i mod n_kv_heads, as "
    "`repeat` orders them, in place of i // q_per_kv, as `repeat_interleave` does. It cannot show "
    "where no head shares (MHA) or all share one (MQA): those two rows pass all the same."
)
if compared:
    says = comparisons_answer(compared, planted=settings.planted)
    st.success(f"**Answer, measured here.** {says}")
show_command(settings.arguments)
