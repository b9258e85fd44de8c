"""The method behind the sizes of caches: formulas with numbers, sources and limits."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.capacity import LABEL_PERCENT
from dashboard.report import cache_sentences as sentences
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import DEEPSEEK
from gqa_core.catalog.devices import Device


def cache_method(settings: ModelSettings, ceilings: Sequence[Device]) -> str:
    """The method in Markdown, with the numbers of these settings and the devices that are drawn."""
    formulas = "\n".join(
        f"- {name}: {sentences.formula_filled_in(settings, name)}" for name in settings.models
    )
    sources = "; ".join(f"{device.name}: {device.citation}" for device in ceilings)
    return (
        "**Formula**, with your numbers: elements per token and layer x layers x bytes per element "
        "x context x batch. A layer with a window caches at most its window. *As allocated* is "
        "what an engine reserves if it gives every caching layer slots for the whole context."
        f"\n\n{formulas}\n\n"
        f"**The lecture's 400 GB.** {sentences.lecture_sentence(DEEPSEEK)}.\n\n"
        "**Source.** DeepSeek-V2 report, arXiv:2405.04434, Table 1, for the elements; memory of "
        f"devices: {sources or 'none'}.\n\n"
        "**Limits.** The memory is the number on the label, read as decimal GB. Usable memory is "
        f"up to {LABEL_PERCENT}% off it, and weights and activations need memory too, so a cache "
        "below a ceiling may not fit. Measured points are for the layers that were really "
        "allocated; nothing is scaled. The peak is the memory in use above the level just before "
        "the cache was allocated, so it includes the kernel's workspace. Naive MLA is not drawn: "
        "it caches more than MHA."
    )
