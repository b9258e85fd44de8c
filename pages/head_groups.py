"""Heads: which query heads read which K/V heads, on which GPU, from which cached bytes?"""

import streamlit as st

from dashboard.controls.model import head_controls
from dashboard.report import cache_sentences as sentences
from dashboard.report import cache_tables as tables
from dashboard.report.guesses import other_heads_guess
from dashboard.report.sharing_metrics import sharing_metrics
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.guess import show_guess
from dashboard.views.head_selection import show_head_map, show_part_sentence
from dashboard.views.heads_on_gpus import show_on_gpus
from dashboard.views.memory_parts import show_parts
from dashboard.views.mla_steps import show_mla_numbers, show_mla_steps
from gqa_core.configs import LatentConfig
from gqa_core.theory.sharing import cached_parts

FEW_PARTS = 16

open_page("Who reads which K/V head")
settings, attention, selected, tp = head_controls()
if settings.keeps_states_alone:
    panels.show_answer(sentences.states_sentence(settings))
    panels.show_strip(sentences.states_metrics(settings))
else:
    part = cached_parts(attention, settings.kv_format)[selected]
    table = tables.part_table(settings, attention, part.name)
    panels.show_answer(sentences.heads_answer(attention))
    panels.show_strip(sharing_metrics(attention))
    if isinstance(attention, LatentConfig):
        left, right = st.columns(2, gap="medium")
        with left:
            show_head_map(settings, attention, selected)
        with right:
            forms = show_mla_steps(settings, attention)
        show_part_sentence(settings, part)
        show_mla_numbers(forms)
    else:
        show_head_map(settings, attention, selected)
        show_part_sentence(settings, part)
    st.markdown(sentences.sharing_sentence(attention))
    if len(table) <= FEW_PARTS:
        panels.show_small_table(table, ("formula",))
    else:
        alt = "What one layer caches, and which query heads read it"
        panels.show_table(table, "parts", alt, ("formula",))
    panels.show_downloads("head_groups", {"csv": table.csv})
    show_guess(other_heads_guess(settings))
    show_on_gpus(settings, attention, tp)
    show_parts(
        f"What {attention.variant} keeps in all layers",
        settings.parts(attention.variant),
        settings.workload(settings.context_len),
    )
panels.show_method(
    "**Formula.** Query head i reads K/V head i // (query heads / K/V heads). A K/V head caches K "
    "and V of the head width: 2 x head width x bytes per element for each token and layer. "
    "MLA caches a latent and a RoPE key, in DeepSeek-V2's proportions to the head width unless the "
    "model has its own. If a model's layers differ, the figure shows the layer of the sliders.\n\n"
    "**MLA's two forms.** Naive expands the latent to K and V of every head and keeps those. "
    "Absorbed folds W_UK into the query and W_UV into the output, and attends over the latent. "
    "FLOP are those of scores and weighted sums; projections take the same in both forms.\n\n"
    "**Source.** GQA paper, arXiv:2305.13245, figure 2; DeepSeek-V2 report, arXiv:2405.04434, "
    "sections 2.1.2 and 2.1.3, Table 1, appendix C; heads on GPUs: vLLM, get_num_kv_heads.\n\n"
    "**Limits.** “Groups of 8” can mean 8 K/V heads or 8 heads per group: here G counts K/V heads. "
    "The share of the read assumes that each byte is read once, as an ideal kernel does. The page "
    "**Quality** shows what sharing costs."
)
