"""KV cache: how large does the cache grow with the context?"""

import streamlit as st

from dashboard.controls.model import cache_controls
from dashboard.data.cache_growth import cache_growth_data
from dashboard.data.capacity import LABEL_PERCENT
from dashboard.figures.cache_growth import cache_growth
from dashboard.report import cache_sentences as sentences
from dashboard.report import cache_tables as tables
from dashboard.settings.options import CONTEXT_LENS
from dashboard.settings.presets import DEEPSEEK
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.logged_caches import logged_caches, show_logged_caches
from dashboard.views.memory_parts import show_parts
from gqa_core import units

open_page(
    "How large the KV cache grows",
    "The lecture: “For a complex model like DeepSeek, the KV cache size can grow to 400 GB, even "
    "for a single input.” At which context, and in which number format?",
)
settings, ceilings = cache_controls()
sizes = {name: settings.cache_bytes(name, settings.context_len) for name in settings.models}
panels.show_evidence("formula")
panels.show_metrics(
    [
        (f"{name} cache", units.capacity(size), sentences.size_caption(settings, name))
        for name, size in sizes.items()
    ]
)
measured = logged_caches(settings)
contexts = sorted({*CONTEXT_LENS, *(cache.row.context_len for cache in measured)})
table = tables.growth_table(settings, contexts)
panels.show_evidence("formula", "published", *(["measured here"] if measured else []))
panels.show_figure(
    cache_growth(cache_growth_data(settings, contexts, measured, ceilings)),
    "cache_growth",
    sentences.cache_answer(settings),
)
show_logged_caches(measured)
own = settings.own_variant
show_parts(f"What {own} keeps", settings.parts(own), settings.workload(settings.context_len))
st.subheader("The numbers")
panels.show_evidence("formula")
panels.show_small_table(table)
panels.show_downloads("kv_cache", {"csv": table.csv})
st.markdown(
    "**Formula**, with your numbers: elements per token and layer x layers x bytes per element x "
    "context x batch. A layer with a window caches at most its window. *As allocated* is what an "
    "engine reserves if it gives every caching layer slots for the whole context."
)
st.markdown(
    "\n".join(
        f"- {name}: {sentences.formula_filled_in(settings, name)}" for name in settings.models
    )
)
st.markdown(
    f"**The lecture's 400 GB.** {sentences.lecture_sentence(DEEPSEEK)}. "
    "**Source.** DeepSeek-V2 report, arXiv:2405.04434, Table 1, for the elements; memory of "
    f"devices: {'; '.join(f'{device.name}: {device.citation}' for device in ceilings) or 'none'}. "
    "**Limits.** The memory is the number on the vendor's label, read as decimal GB. Usable memory "
    f"is up to {LABEL_PERCENT}% off it, and weights and activations need memory too, so a cache "
    "below a ceiling may not fit. Measured points are for the layers that were really allocated; "
    "nothing is scaled. The peak is the memory in use above the level just before the cache was "
    "allocated, so it includes the kernel's workspace. Naive MLA is not drawn: it caches more than "
    "MHA."
)
st.success(f"**Answer.** {sentences.cache_answer(settings)}")
