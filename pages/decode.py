"""How long does a decode step take here, and what does sharing K/V heads save? (measured)"""

import streamlit as st

from dashboard.controls.measurement import decode_controls
from dashboard.report.decode_sentences import decode_answer
from dashboard.shell.page import open_page
from dashboard.views.decode_results import show_results
from dashboard.views.device import show_device
from dashboard.views.run_panel import show_command, show_run

open_page(
    "Decode steps, measured here",
    "The lecture: “This large memory requirement makes inference slow and expensive.” "
    "How long does one step really take, and how much of it is reading the cache?",
)
settings = decode_controls()
device = show_device()
contexts = ", ".join(map(str, settings.context_lens))
held, _ = show_run(settings.arguments, f"Measures every variant at {contexts} tokens.")
rows = show_results(settings, device, held)
st.markdown(
    "**What is measured.** One step for one new token per sequence, in a process of its own with a "
    "cache of random values: *attend* is scores, softmax and weighted sum, *step* also the norm, "
    "projections, RoPE and the write into the cache. Median of 20 samples after 3 warm-up passes, "
    "with the interquartile range (IQR). Read (GB/s) is the formula's bytes over the attend time; "
    "its share is of the read bandwidth probed in the same run. Peak is memory held above the "
    "level before the cache was made. "
    "**What is predicted.** The bound is the larger of bytes / read bandwidth and FLOP / matmul "
    "rate, both probed between the samples of the same point. *Attend* is predicted as the bound "
    "and the floor: the attend time of one cached token, which is what launching costs. *Step* "
    "adds one read of the projection weights and the new token's write. "
    "**Limits.** Tokens/s counts the measured layers alone: no feed-forward, no vocabulary. "
    "A prediction knows no norm, no RoPE, and no kernel that falls short of the device."
)
if rows:
    st.success(f"**Answer, measured here.** {decode_answer(rows, settings.context_len)}")
show_command(settings.arguments)
