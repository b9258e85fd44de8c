"""Rules of families: the layers that see the whole context where no list of layers says so.

A family's rule follows from its `model_type`. A family without a rule here is counted in full:
taking a window for every layer would give a cache that may be many times too small.
Source: huggingface/transformers 5.24, configuration and modeling files of the named types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = [
    "EVERY_NTH_FULL",
    "FULL_WITHOUT_LIST",
    "HYBRID_FAMILIES",
    "WINDOW_IN_EVERY_LAYER",
    "full_layers_of_family",
]

IsFull = Callable[[int, int], bool]  # of a layer's index and the number of layers

WINDOW_IN_EVERY_LAYER = frozenset(
    (
        "doge",
        "kyutai_speech_to_text",
        "ministral",
        "ministral3",
        "mistral",
        "mixtral",
        "moshi",
        "muse_glimmer_assistant",
        "phi3",
        "phi3_v",
        "phi4_multimodal",
        "phi4mm",
        "phimoe",
        "qwen3_moe",
        "starcoder2",
        "voxtral_realtime",
    )
)
FULL_WITHOUT_LIST = frozenset(  # windows only where layer_types names them
    ("cohere_compass", "laguna", "llama", "mellum", "step3p5", "unlimited_ocr", "zaya")
)
EVERY_NTH_FULL: Mapping[str, int] = {  # full where a layer's number, from 1, is divisible by n
    "afmoe": 4,
    "beam": 6,
    "cohere2": 4,
    "dory": 4,
    "exaone4": 4,
    "exaone_moe": 4,
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gemma4": 6,
    "gemma4_unified": 6,
    "gpt_oss": 2,
    "kolibri1": 5,
    "olmo3": 4,
    "vaultgemma": 2,
}
LAST_IS_FULL = frozenset(("beam", "gemma4", "gemma4_unified"))
OTHER_RULES: Mapping[str, tuple[IsFull, str]] = {
    "cwm": (lambda i, n: i % 4 == 0, "layers 0, 4, 8 and so on are full"),
    "granite_swa": (lambda i, n: i % 4 == 0, "layers 0, 4, 8 and so on are full"),
    "granitemoe_swa": (lambda i, n: i % 4 == 0, "layers 0, 4, 8 and so on are full"),
    "mimo_v2_flash": (lambda i, n: i == 0 or i % 6 == 5, "layers 0, 5, 11 and so on are full"),
    "modernbert-decoder": (lambda i, n: i % 3 == 0, "layers 0, 3, 6 and so on are full"),
    "muse_glimmer": (lambda i, n: (n - 1 - i) % 4 == 0, "every 4th layer from the last is full"),
    "muse_spark": (lambda i, n: (n - 1 - i) % 4 == 0, "every 4th layer from the last is full"),
    "dots3_note": (lambda i, n: i < 2 or i % 4 == 1, "layers 0, 1, 5, 9 and so on are full"),
    "flint": (
        lambda i, n: i < 2 or i % 4 == 1 or i == n - 1,
        "layers 0, 1, 5, 9 and so on and the last are full",
    ),
}
HYBRID_FAMILIES = frozenset(("falcon_h1", "zaya"))  # attention and a state in every layer


def full_layers_of_family(
    family: str, n_layers: int, nth: int | None
) -> tuple[list[bool], str] | None:
    """True per full layer, and the rule in words; None for a family without a rule.

    `nth` is the config's own number for a family whose every n-th layer is full, None for the
    default.
    """
    if family in OTHER_RULES:
        is_full, words = OTHER_RULES[family]
        return [is_full(i, n_layers) for i in range(n_layers)], f"{words}: rule of {family}"
    if family not in EVERY_NTH_FULL:
        return None
    nth = nth or EVERY_NTH_FULL[family]
    full = [i % nth == nth - 1 for i in range(n_layers)]
    words = f"every layer with a number divisible by {nth} is full"
    if family in LAST_IS_FULL and not full[-1]:
        full[-1] = True
        words += ", and the last"
    return full, f"{words}: rule of {family}"
