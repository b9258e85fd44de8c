"""Overview: who shares K/V heads with whom, and how much smaller does that make the cache?"""

import streamlit as st

from dashboard.controls.overview import overview_controls
from dashboard.data.quality import small_model_losses
from dashboard.figures.head_sharing import head_sharing
from dashboard.report import cache_tables as tables
from dashboard.report.cache_sentences import cache_metrics
from dashboard.report.guesses import longer_context_guess
from dashboard.report.quality_tables import published_table
from dashboard.report.tradeoff import answer, tradeoff_caption, tradeoff_table
from dashboard.settings.options import PAPER_PERCENT
from dashboard.shell import panels
from dashboard.shell.loaders import shipped_quality
from dashboard.shell.page import open_page
from dashboard.views.gpu_fill import show_gpu_fill
from dashboard.views.guess import show_guess
from dashboard.views.model_comparison import show_cache_comparison
from dashboard.views.preset_cards import show_preset_cards

open_page("What sharing K/V heads buys")
settings, plan, comparison = overview_controls()
show_preset_cards()
if comparison:
    show_cache_comparison(comparison)
else:
    panels.show_answer(
        answer(settings),
        "In GQA, a group of query heads shares one K and one V: less to keep per token.",
    )
    panels.show_strip(cache_metrics(settings))
    if settings.keeps_states_alone:
        show_gpu_fill(settings, plan)
    else:
        left, right = st.columns(2, gap="medium")
        with left:
            panels.show_figure(
                head_sharing(settings.variants),
                "head_sharing",
                f"{settings.n_heads} query heads; GQA shares {settings.n_kv_heads} K/V heads.",
                ("formula",),
                "Who shares with whom. Filled below: cached. Hollow: computed, not kept.",
            )
        with right:
            show_gpu_fill(settings, plan)
if not settings.keeps_states_alone:
    show_guess(longer_context_guess(settings))
    st.subheader("The trade-off")
    losses = small_model_losses(shipped_quality(), PAPER_PERCENT)
    panels.show_small_table(
        tradeoff_table(settings, plan, losses),
        ("formula", *("measured elsewhere",) * bool(losses)),
        tradeoff_caption(settings, plan, PAPER_PERCENT),
    )
st.page_link(
    "pages/head_groups.py",
    label="What MLA adds, step by step",
    icon=":material/arrow_forward:",
    query_params={"variant": "MLA"},
)
st.page_link(
    "pages/choose.py", label="How many K/V heads should I take?", icon=":material/arrow_forward:"
)
if place := panels.folded("The sizes in full, and published quality and speed", "sizes_unfolded"):
    with place:
        table = tables.size_table(settings)
        panels.show_small_table(table, ("formula",))
        panels.show_downloads("cache", {"csv": table.csv})
        panels.show_small_table(published_table(), ("published",))
panels.show_method(
    "**Formula.** Bytes = layers x batch x context x bytes per element x elements per token, "
    "where a layer caches 2 x K/V heads x head width elements (MHA, GQA, MQA), or a latent and a "
    "RoPE key (MLA; their widths are multiples of the head width in DeepSeek-V2's proportions, "
    "unless the model has its own).\n\n"
    "**Fill the GPU.** The ideal engine of the page **What fits** at 90% of the memory that logs "
    "show, less what an engine takes besides. Users come one after the other; the weights are the "
    "same for all variants.\n\n"
    "**Source.** DeepSeek-V2 report, arXiv:2405.04434, Table 1.\n\n"
    "**Limits.** Activations and page padding are not counted. A layer with a window "
    "caches at most its window, which not every engine does (see **Cache size**)."
)
