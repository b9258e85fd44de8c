"""Quality: what does sharing K/V heads cost, and how much does uptraining recover? (measured)"""

import streamlit as st

from dashboard.controls.quality import quality_controls
from dashboard.shell.page import open_page
from dashboard.views.head_diversity import show_head_diversity
from dashboard.views.quality import (
    loss_records,
    show_answer,
    show_grid,
    show_losses,
    show_published,
)
from dashboard.views.run_panel import show_command, show_run

open_page("What sharing heads costs")
settings = quality_controls()
live_records, is_running = show_run(
    settings.arguments,
    "Shares the heads of a small trained model and continues its training, on this machine's CPU. "
    "Results that are already in the log are not measured again.",
)
records = loss_records(live_records)
show_losses(settings, records, is_running=is_running)
show_answer(settings, records)
show_command(settings.arguments)
st.header("The whole grid, measured elsewhere")
show_grid(records)
st.header("What others published")
show_published()
st.caption(
    "Each table covers one family of models: compare rows within a table only. No published row "
    "compares GQA with MLA directly; each is compared with MHA, in different models."
)
st.markdown(
    "**What is measured.** A small byte-level decoder, trained on topics of Python's own manual "
    "with a K and V for every head. Its K/V heads are then shared by more and more query heads, "
    "down to a single one, and it continues to train (*uptraining*) for some percent of the "
    "original steps. The loss is that of the next byte on topics it has never seen. MHA is trained "
    "for just as many steps, because the steps alone change the loss: their constant learning rate "
    "is above the one that training ended with. Markers are medians over seeds, bars go from the "
    "smallest to the largest; the cache is that of one sequence of the training length in "
    "float32.\n\n"
    "**Source.** GQA paper, arXiv:2305.13245, section 2.\n\n"
    "**What a toy model can show.** Sharing the heads that a model was trained with does damage, "
    "the damage depends on how many heads share, and a few steps repair much of it.\n\n"
    "**What it cannot show.** How large the loss is in a large model, what it does to tasks, or "
    "how far apart MHA, GQA and MQA are there: a few layers and a few hundred kilobytes of one "
    "text do not settle that. Losses belong to one text: those of two Python releases cannot be "
    "compared."
)
st.header("Do heads see different things?")
if st.toggle("Inspect the heads (starts torch, takes a few seconds)", key="look_into_heads"):
    show_head_diversity()
