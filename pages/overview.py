"""What does sharing K/V heads buy: who shares with whom, and how large is the cache?"""

import streamlit as st

from dashboard.controls.model import model_controls
from dashboard.data.quality import small_model_losses
from dashboard.figures.cache_vs_context import cache_vs_context
from dashboard.figures.head_sharing import head_sharing
from dashboard.report import cache_tables as tables
from dashboard.report.quality_tables import published_table
from dashboard.report.tradeoff import answer, tradeoff_table
from dashboard.settings.options import CONTEXT_LENS
from dashboard.settings.variants import describe_cache
from dashboard.shell import panels
from dashboard.shell.loaders import shipped_quality
from dashboard.shell.page import open_page
from dashboard.views.decode_results import show_logged_rows
from gqa_core import units

open_page(
    "What sharing K/V heads buys",
    "The lecture: “Grouped Query Attention (GQA) is a smart solution that sits between MHA and "
    "MQA.” How much smaller is the cache, for which sharing of heads?",
)
settings = model_controls()
sizes = {name: settings.cache_bytes(name, settings.context_len) for name in settings.models}
curves = {
    name: [settings.cache_bytes(name, context_len) for context_len in CONTEXT_LENS]
    for name in settings.models
}
table = tables.size_table(settings)

panels.show_evidence("formula")
panels.show_metrics(
    [
        (f"{name} cache", units.capacity(size), describe_cache(settings.variants[name]))
        for name, size in sizes.items()
    ]
)
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
logged = show_logged_rows()
losses = small_model_losses(shipped_quality(), 5)
evidence = ("measured here",) * bool(logged) + ("measured elsewhere",) * bool(losses)
panels.show_evidence("formula", *evidence, "published")
panels.show_small_table(tradeoff_table(settings, logged, losses))
if not logged:
    st.caption("This machine's times are empty until something is measured on the page **Decode**.")
st.caption(
    "Quality is told twice: as the lecture claims it, and as the held-out loss of a small model "
    "whose heads were shared by their mean and trained on for 5% of its steps, median over seeds "
    "(lower is better; page **Quality**). Below, what the GQA paper measured of one model: time "
    "per sample and average score over its tasks."
)
panels.show_small_table(published_table())
st.subheader("The sizes in full")
panels.show_evidence("formula")
panels.show_small_table(table)
panels.show_downloads("cache", {"csv": table.csv})
st.markdown(
    "**Formula.** Bytes = layers x batch x context x bytes per element x elements per token, "
    "where a layer keeps 2 x K/V heads x head width elements (MHA, GQA, MQA), or 4.5 x head width "
    "(MLA: a latent of 4 and a RoPE key of a half, DeepSeek-V2's proportions). "
    "**Source.** DeepSeek-V2 report, arXiv:2405.04434, Table 1. "
    "**Limits.** Weights, activations and page padding are not counted; a layer with a window "
    "keeps its tokens and no more, which not every engine does (see **KV cache**)."
)
st.success(f"**Answer.** {answer(settings)}")
