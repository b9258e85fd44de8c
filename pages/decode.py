"""Decode: how long does a step take here, and what does sharing K/V heads save? (measured)"""

import streamlit as st

from dashboard.controls.measurement import decode_controls
from dashboard.shell.page import open_page
from dashboard.views.decode_results import show_answer, show_results
from dashboard.views.device import show_device
from dashboard.views.run_panel import show_command, show_run

open_page("Decode steps, measured here")
settings = decode_controls()
device = show_device()
contexts = ", ".join(map(str, settings.context_lens))
live_records, _ = show_run(settings.arguments, f"Measures every variant at {contexts} tokens.")
rows = show_results(settings, device, live_records)
st.markdown(
    "**What is measured.** One decode step: one new token per sequence, in a child process, with a "
    "cache full of random values. *Attend* covers scores, softmax and the weighted sum. *Step* "
    "adds the norm, the projections, RoPE and the write to the cache. The variants take turns, in "
    "an order drawn anew in each round, until their times stop moving. Other work on a machine "
    "only adds time, so a time is the 5th percentile of its samples with its 95% interval; "
    "medians, p95 and p99 stand in the table. Two variants whose intervals overlap are not ranked. "
    "Read (GB/s) is the formula's bytes divided by the attend time; its percentage refers to the "
    "read bandwidth probed in the same run. Peak is the memory in use above the level just before "
    "the cache was allocated.\n\n"
    "**What is predicted.** The bound is the larger of bytes / read bandwidth and FLOP / "
    "arithmetic rate, both the best that was probed between the samples. The predicted *attend* is "
    "the bound plus the launch overhead, which is the attend time with one cached token. The "
    "predicted *step* adds one read of the projection weights and the write of the new token.\n\n"
    "**Quantised caches.** A vector of K or V is stored as codes of 8 bits (int8, or float8 e4m3) "
    "and one float32 scale, its largest magnitude over that of a code; a latent of MLA has one "
    "scale with its RoPE key. The CPU kernel turns codes into float32 in registers; any other "
    "kernel attends over a dequantised copy, which costs time. Writing a token quantises it.\n\n"
    "**Limits.** Tokens/s covers the measured layers only: no feed-forward layers and no "
    "vocabulary. The prediction ignores the norm, RoPE and kernels slower than the device allows."
)
show_answer(rows, settings.context_len)
show_command(settings.arguments)
