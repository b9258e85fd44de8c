"""Cache size: how large does the KV cache grow with the context?"""

from dashboard.controls.model import cache_controls
from dashboard.data.capacity import LABEL_PERCENT
from dashboard.report import cache_sentences as sentences
from dashboard.settings.presets import DEEPSEEK
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.cache_size import show_cache_size
from dashboard.views.model_comparison import show_cache_comparison

open_page("How large the KV cache grows")
settings, comparison, ceilings = cache_controls()
if comparison:
    show_cache_comparison(comparison, ceilings)
else:
    show_cache_size(settings, ceilings)
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
