"""Window layers of a GGUF model: those that llama.cpp gives a window, and how long it is.

The pattern is a key, a list with one entry per layer or a period; without it, the rule of the
architecture holds, which is all that an architecture decides. A window whose layers no rule names
is not applied: every layer is counted in full, and the lower end is named.
Source: ggml-org/llama.cpp, src/models (load_arch_hparams of each architecture) and
llama_hparams::set_swa_pattern.
"""

from __future__ import annotations

from gqa_core.configs import MAX_CONTEXT_LEN, MAX_LAYERS
from gqa_core.hf_config.kinds import CHUNK, FULL, WINDOW, LayerKind
from gqa_core.model_files.metadata import Metadata

__all__ = ["window_kinds"]

PERIODS = {  # every n-th layer is full; without a pattern among the keys
    "afmoe": 4,
    "cohere2": 4,
    "cohere2moe": 4,
    "exaone-moe": 4,
    "exaone4": 4,
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gpt-oss": 2,
    "gptoss": 2,
    "kolibri1": 5,
    "llama4": 4,
    "olmo2": 4,
    "olmo3": 4,
    "plamo3": 8,
    "smallthinker": 4,
}
FIRST_IS_FULL = {"smallthinker"}  # the first layer of a period is full, not the last
DEFAULT_WINDOWS = {"gemma2": 4096, "llama4": 8192}  # where the key is absent
CHUNKED = {"llama4"}
NOT_APPLIED = {"phi3", "phimoe"}  # llama.cpp has their windows switched off
PATTERN = "attention.sliding_window_pattern"


def window_kinds(metadata: Metadata, n_layers: int, n_blocks: int) -> tuple[list[LayerKind], int]:
    """The kind of every layer (full, window or chunk), and the window's tokens, 0 without any.

    Raises:
        ValueError: the pattern has another length than the model, or a number is out of bounds.
    """
    architecture = metadata.architecture
    window = metadata.integer("attention.sliding_window", most=MAX_CONTEXT_LEN)
    if window is None and architecture in CHUNKED:  # as Ollama converts them
        window = metadata.integer("attention.chunk_size", most=MAX_CONTEXT_LEN)
    if window is None:
        window = DEFAULT_WINDOWS.get(architecture, 0)
    if not window:
        return [FULL] * n_layers, 0
    if architecture in NOT_APPLIED:
        metadata.assume(f"no windows: llama.cpp keeps every token of model type {architecture}")
        return [FULL] * n_layers, 0
    other: LayerKind = CHUNK if architecture in CHUNKED else WINDOW
    if isinstance(metadata.value(PATTERN), tuple):
        flags = metadata.per_layer(PATTERN, n_layers, n_blocks, most=1) or []
        return [other if flag else FULL for flag in flags], window
    period = metadata.integer(PATTERN, most=MAX_LAYERS)
    if period is None:
        period = PERIODS.get(architecture)
        if period is not None:
            metadata.assume(f"1 of {period} layers is full: rule of {architecture} in llama.cpp")
    if period is None:
        metadata.assume(
            f"every layer is counted in full: no key or rule says which of them have windows of "
            f"{window} tokens, and with windows in all of them each would keep {window} at most"
        )
        return [FULL] * n_layers, 0
    return _periodic(n_layers, period, other, architecture in FIRST_IS_FULL), window


def _periodic(n_layers: int, period: int, other: LayerKind, first_is_full: bool) -> list[LayerKind]:
    """One full layer per period, all layers of the other kind if the period is 0."""
    if not period:
        return [other] * n_layers
    full = 0 if first_is_full else period - 1
    return [FULL if i % period == full else other for i in range(n_layers)]
