"""Head groups: which query heads read which K/V heads, on which GPU, from which cached bytes?"""

import streamlit as st

from dashboard.controls.model import head_controls
from dashboard.figures.head_map import head_map
from dashboard.report import cache_sentences as sentences
from dashboard.report import cache_tables as tables
from dashboard.report.metric import Metric
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.heads_on_gpus import show_on_gpus
from dashboard.views.memory_parts import show_parts
from gqa_core import units
from gqa_core.theory.memory import kv_elements_per_token, reduction_vs_mha
from gqa_core.theory.sharing import cached_parts

FEW_PARTS = 16

open_page("Who reads which K/V head")
settings, attention, selected, tp = head_controls()
parts = cached_parts(attention, settings.kv_format)
part = parts[selected]
table = tables.part_table(settings, attention)

panels.show_answer(sentences.heads_answer(attention))
panels.show_strip(
    [
        Metric("Query heads", str(attention.n_heads), "N of the lecture"),
        Metric("Cached parts per layer", str(len(parts)), ", ".join(tables.count_parts(parts))),
        Metric("Query heads per part", str(len(part.query_heads)), "read the part selected above"),
        Metric(
            "Smaller than MHA",
            units.times(reduction_vs_mha(attention)),
            f"{kv_elements_per_token(attention.mha_baseline):,} / "
            f"{kv_elements_per_token(attention):,} "
            "elements per layer",
        ),
    ]
)
panels.show_figure(
    head_map(attention, settings.kv_format, selected),
    "head_map",
    f"{attention.variant}: {sentences.sharing_sentence(attention)}",
)
st.markdown(
    f"{sentences.sharing_sentence(attention)} {sentences.part_sentence(part, settings.kv_format)}"
)
show_on_gpus(settings, attention, tp)
show_parts(
    f"What {attention.variant} keeps in all layers",
    settings.parts(attention.variant),
    settings.workload(settings.context_len),
)
st.subheader("The numbers")
panels.show_evidence("formula")
if len(table) <= FEW_PARTS:
    panels.show_small_table(table)
else:
    panels.show_table(table, "parts", "What one layer caches, and which query heads read it")
panels.show_downloads("head_groups", {"csv": table.csv})
panels.show_method(
    "**Formula.** Query head i reads K/V head i // (query heads / K/V heads). A K/V head caches K "
    "and V of the head width: 2 x head width x bytes per element for each token and layer. "
    "MLA caches a latent and a RoPE key, in DeepSeek-V2's proportions to the head width unless the "
    "model has its own. If a model's layers differ, the figure shows the layer of the sliders. "
    "**Source.** GQA paper, arXiv:2305.13245, figure 2; DeepSeek-V2 report, arXiv:2405.04434, "
    "sections 2.1.2 and 2.1.3, Table 1; heads on GPUs: vLLM, get_num_kv_heads. "
    "**Limits.** “Groups of 8” can mean 8 K/V heads or 8 heads per group: here G counts K/V heads. "
    "The share of the read assumes that each byte is read once, as an ideal kernel does. The page "
    "**Quality** shows what sharing costs."
)
