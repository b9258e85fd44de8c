"""What bounds a decode step, and how close are we? (measured)"""

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

open_page(
    "What bounds a decode step, and how close are we?",
    "The lecture: “This large memory requirement makes inference slow and expensive.” Is it the "
    "memory that makes a step slow, or the arithmetic, and for which variant?",
)
settings, gpus = decode_controls_with(lambda settings: (settings, roofs_control()))
device = show_device()
contexts = ", ".join(map(str, settings.context_lens))
held, _ = show_run(settings.arguments, f"Measures every variant at {contexts} tokens.")
rows = visible_points(settings, device, held)
show_roofline(settings, gpus, rows)
st.markdown(
    "**Formula.** Attending takes 2 x (width of K + width of V) FLOP for a query head and a cached "
    "token, and reads each byte of the cache once: FLOP per byte, the intensity, is the same at "
    "every context and batch. It is h/k for h query heads on k K/V heads in 16 bits, half of that "
    "in float32, so sharing walks to the right: MHA, GQA, MQA, and MLA, whose one latent serves "
    "every head. No rate is above min(intensity x bandwidth, matmul rate): the roof. They meet at "
    "the ridge point; left of it memory is the limit, right of it arithmetic is. "
    "**The roof here** (solid) is the median of what the points shown probed, each between its own "
    "samples; the share of the bound is that of the point's own run. Markers are FLOP over the "
    "median attend time, bars the interquartile range, and larger ones have longer contexts. "
    "MLA naive caches what MHA would, and stands where MHA does. "
    "**Source.** Roofline: Williams, Waterman and Patterson, doi 10.1145/1498765.1498785; absorbed "
    "MLA: DeepSeek-V2 report, arXiv:2405.04434, appendix C; dashed roofs: "
    f"{'; '.join(f'{gpu.name}: {gpu.citation}' for gpu in gpus) or 'none'}. "
    "**Limits.** A dashed roof is a label's bandwidth and dense bf16 arithmetic, whatever the "
    "number format above, and nobody ran anything on it. The probes are a plain sum and a plain "
    "product of torch's: a kernel may read faster than that sum does. At short contexts a step is "
    "launching, which no roof knows: compare the floor in the table. Softmax is not counted."
)
show_answer(settings, gpus, rows)
show_command(settings.arguments)
