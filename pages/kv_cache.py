"""Cache size: how large does the KV cache grow with the context?"""

from dashboard.controls.model import cache_controls
from dashboard.data.cache_growth import cache_growth_data
from dashboard.data.capacity import LABEL_PERCENT
from dashboard.figures.cache_growth import cache_growth
from dashboard.report import cache_sentences as sentences
from dashboard.report import cache_tables as tables
from dashboard.report.guesses import other_format_guess
from dashboard.settings.options import CONTEXT_LENS
from dashboard.settings.presets import DEEPSEEK
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.deepseek_staircase import show_deepseek_staircase
from dashboard.views.guess import show_guess
from dashboard.views.logged_caches import logged_caches, show_logged_caches
from dashboard.views.memory_parts import show_parts

open_page("How large the KV cache grows")
settings, ceilings = cache_controls()
measured = logged_caches(settings)
contexts = sorted({*CONTEXT_LENS, *(cache.row.context_len for cache in measured)})
panels.show_answer(sentences.cache_answer(settings))
panels.show_strip(sentences.cache_metrics(settings))
panels.show_figure(
    cache_growth(cache_growth_data(settings, contexts, measured, ceilings)),
    "cache_growth",
    sentences.cache_answer(settings),
    ("formula", "published", *(["measured here"] if measured else [])),
)
show_guess(other_format_guess(settings))
show_deepseek_staircase()
own = settings.own_variant
show_parts(f"What {own} keeps", settings.parts(own), settings.workload(settings.context_len))
show_logged_caches(measured)
if place := panels.folded("The numbers", "growth_unfolded"):
    with place:
        table = tables.growth_table(settings, contexts)
        panels.show_evidence("formula")
        panels.show_small_table(table)
        panels.show_downloads("kv_cache", {"csv": table.csv})
panels.show_method(
    "**Formula**, with your numbers: elements per token and layer x layers x bytes per element x "
    "context x batch. A layer with a window caches at most its window. *As allocated* is what an "
    "engine reserves if it gives every caching layer slots for the whole context.\n\n"
    + "\n".join(
        f"- {name}: {sentences.formula_filled_in(settings, name)}" for name in settings.models
    )
    + f"\n\n**The lecture's 400 GB.** {sentences.lecture_sentence(DEEPSEEK)}.\n\n"
    "**Source.** DeepSeek-V2 report, arXiv:2405.04434, Table 1, for the elements; memory of "
    f"devices: {'; '.join(f'{device.name}: {device.citation}' for device in ceilings) or 'none'}."
    "\n\n**Limits.** The memory is the number on the label, read as decimal GB. Usable memory "
    f"is up to {LABEL_PERCENT}% off it, and weights and activations need memory too, so a cache "
    "below a ceiling may not fit. Measured points are for the layers that were really allocated; "
    "nothing is scaled. The peak is the memory in use above the level just before the cache was "
    "allocated, so it includes the kernel's workspace. Naive MLA is not drawn: it caches more than "
    "MHA."
)
