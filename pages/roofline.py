"""Roofline: what bounds a decode step, and how close is it to the bound? (measured)"""

import streamlit as st

from dashboard.controls.measurement import decode_controls_with
from dashboard.shell.page import open_page
from dashboard.views.device import show_device
from dashboard.views.roofline import (
    roofs_control,
    show_answer,
    show_roofline,
    visible_points,
)
from dashboard.views.run_panel import show_command, show_run

open_page("What bounds a decode step, and how close are we?")
settings, gpus = decode_controls_with(lambda settings: (settings, roofs_control()))
device = show_device()
contexts = ", ".join(map(str, settings.context_lens))
live_records, _ = show_run(settings.arguments, f"Measures every variant at {contexts} tokens.")
rows = visible_points(settings, device, live_records)
show_roofline(settings, gpus, rows)
st.markdown(
    "**Formula.** For each query head and cached token, attention takes 2 x (width of K + width of "
    "V) FLOP, and it reads each byte of the cache once. FLOP per byte, the arithmetic intensity, "
    "is the same for every context and batch. With h query heads and k K/V heads it is h/k in "
    "16-bit formats, half of that in float32, and nearly twice that in the quantised formats, so "
    "sharing moves a variant to the right: MHA, GQA, MQA, and MLA, whose one latent serves every "
    "head. No rate can exceed min(intensity x bandwidth, arithmetic rate), the roof. Its two sides "
    "meet at the ridge point: to the left, memory is the limit, to the right, arithmetic.\n\n"
    "**The roof of this device** (solid) is the best of the rates probed with the points shown, "
    "each between its own samples. The share of the bound refers to the point's own run; where a "
    "time is below its bound, the bound is withheld. Markers are FLOP over the 5th percentile of "
    "the attend time, bars its 95% interval; larger markers have longer contexts. Naive MLA caches "
    "as much as MHA would, so it stands where MHA does.\n\n"
    "**Source.** Roofline: Williams, Waterman and Patterson, doi 10.1145/1498765.1498785; absorbed "
    "MLA: DeepSeek-V2 report, arXiv:2405.04434, appendix C; dashed roofs: "
    f"{'; '.join(f'{gpu.name}: {gpu.citation}' for gpu in gpus) or 'none'}.\n\n"
    "**Limits.** A dashed roof is the bandwidth and the dense bf16 rate on the vendor's label, "
    "whatever the number format above; nothing was run on it. The probes are the best of torch's "
    "sum, dot and matrix product and of compiled loops that only read, or only multiply and add. "
    "At short contexts most of a step is launch overhead, which no roof includes: compare the "
    "overhead in the table. Softmax is not counted."
)
show_answer(settings, gpus, rows)
show_command(settings.arguments)
