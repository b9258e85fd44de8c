"""Equivalence: do all variants, forms and kernels compute the same attention? (measured)"""

import streamlit as st

from dashboard.controls.measurement import verify_controls
from dashboard.report.verification import comparisons_answer
from dashboard.shell.page import open_page
from dashboard.views.comparisons import show_comparisons
from dashboard.views.device import show_device
from dashboard.views.run_panel import show_command, show_run

open_page("The same attention, computed twice")
settings = verify_controls()
show_device()
live_records, _ = show_run(
    settings.arguments, "Computes every comparison below, each in its own process."
)
compared = show_comparisons(settings, live_records)
st.markdown(
    "**What is compared.** One decode step over the context above. Random inputs are first rounded "
    "to the number format. The comparison of cached with uncached attention runs a whole layer on "
    "a short sequence. The relative L2 error, |a - b| / |b| over all elements, must stay within "
    "the tolerance of the number format, or of the format of a quantised cache. Quantised caches "
    "hold standard normal values.\n\n"
    "**The planted error** gives query head i the K/V head i mod n_kv_heads, as `repeat` orders "
    "them, instead of i // q_per_kv, as `repeat_interleave` does. It makes no difference if no "
    "heads share (MHA) or if all of them share one (MQA), so those comparisons still pass, and "
    "so do the two without K/V heads of their own: absorbed with naive MLA, cached with uncached. "
    "In a quantised cache it gives every vector the scale of the token before it."
)
if compared:
    answer = comparisons_answer(compared, planted=settings.planted)
    st.success(f"**Answer, measured here.** {answer}")
show_command(settings.arguments)
