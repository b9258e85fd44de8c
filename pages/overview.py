"""Overview: who shares K/V heads with whom, and how large is the cache?"""

import streamlit as st

from dashboard.controls.model import model_controls
from dashboard.data.quality import small_model_losses
from dashboard.figures.cache_vs_context import cache_vs_context
from dashboard.figures.head_sharing import head_sharing
from dashboard.report import cache_tables as tables
from dashboard.report.cache_sentences import cache_metrics
from dashboard.report.quality_tables import published_table
from dashboard.report.tradeoff import answer, tradeoff_table
from dashboard.settings.options import CONTEXT_LENS, PAPER_PERCENT
from dashboard.shell import panels
from dashboard.shell.loaders import shipped_quality
from dashboard.shell.page import open_page
from dashboard.views.decode_results import logged_rows_of_this_device
from gqa_core import units

open_page("What sharing K/V heads buys")
settings = model_controls()
sizes = {name: settings.cache_bytes(name, settings.context_len) for name in settings.models}
curves = {
    name: [settings.cache_bytes(name, context_len) for context_len in CONTEXT_LENS]
    for name in settings.models
}
table = tables.size_table(settings)

panels.show_answer(answer(settings))
panels.show_strip(cache_metrics(settings))
left, right = st.columns(2, gap="large")
with left:
    st.subheader("Who shares with whom")
    panels.show_figure(
        head_sharing(settings.variants),
        "head_sharing",
        f"{settings.n_heads} query heads; GQA shares {settings.n_kv_heads} K/V heads among them.",
    )
with right:
    st.subheader("Cache against context")
    panels.show_figure(
        cache_vs_context(curves, CONTEXT_LENS, settings.context_len),
        "cache_vs_context",
        ", ".join(f"{name} {units.capacity(size)}" for name, size in sizes.items())
        + f" at {settings.context_len} tokens.",
    )
st.subheader("The trade-off, with your numbers")
logged = logged_rows_of_this_device()
losses = small_model_losses(shipped_quality(), PAPER_PERCENT)
evidence = ("measured here",) * bool(logged) + ("measured elsewhere",) * bool(losses)
panels.show_evidence("formula", *evidence, "published")
panels.show_small_table(tradeoff_table(settings, logged, losses))
if not logged:
    st.caption("This machine's times are empty until something is measured on the page **Decode**.")
st.caption(
    "Quality has two columns: what the lecture claims, and the held-out loss of a small model "
    f"whose heads were shared by their mean and which then trained for {PAPER_PERCENT}% of its "
    "steps, median over seeds (lower is better; see the page **Quality**). The next table has the "
    "GQA paper's measurements of one model: time per sample and average score over its tasks."
)
panels.show_small_table(published_table())
st.subheader("The sizes in full")
panels.show_evidence("formula")
panels.show_small_table(table)
panels.show_downloads("cache", {"csv": table.csv})
panels.show_method(
    "**Formula.** Bytes = layers x batch x context x bytes per element x elements per token, "
    "where a layer caches 2 x K/V heads x head width elements (MHA, GQA, MQA), or a latent and a "
    "RoPE key (MLA; their widths are multiples of the head width in DeepSeek-V2's proportions, "
    "unless the model has its own). "
    "**Source.** DeepSeek-V2 report, arXiv:2405.04434, Table 1. "
    "**Limits.** Weights, activations and page padding are not counted. A layer with a window "
    "caches at most its window, which not every engine does (see **KV cache**)."
)
