"""Layers with several caches: two attentions in one layer, or layers that run several times.

Every pass over a layer caches K and V of its own. Only families whose code is known are computed.
Source: huggingface/transformers 5.24, modeling_longcat_flash.py; ByteDance/Ouro, modeling_ouro.py
(UniversalTransformerCache: total_ut_steps x layers); IQuestLab/IQuest-Coder-V1-Loop,
modeling_iquestloopcoder.py (a cache of loop 1, and windows of the later ones).
"""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core.configs import MAX_CONTEXT_LEN
from gqa_core.hf_config.grouping import CachingLayer
from gqa_core.hf_config.kinds import WINDOW
from gqa_core.hf_config.reader import ConfigReader

__all__ = ["KEYS_BY_FAMILY", "with_passes"]

LONGCAT = "longcat_flash"
OURO, N_STEPS = "ouro", "total_ut_steps"
LOOP_CODER, N_LOOPS, LOOP_WINDOW = "iquestloopcoder", "loop_num", "loop_window_size"
KEYS_BY_FAMILY = {OURO: (N_STEPS,), LOOP_CODER: (N_LOOPS, LOOP_WINDOW)}
MAX_PASSES = 64


def with_passes(
    reader: ConfigReader, layers: Sequence[CachingLayer], family: str
) -> list[CachingLayer]:
    """The layers with the number of their caches, and entries for further passes that differ.

    Raises:
        ValueError: a number of passes or a window is out of bounds.
    """
    if family.startswith(LONGCAT):
        reader.assume(f"every layer has two attentions, each with a cache: rule of {LONGCAT}")
        return _repeated(layers, 2)
    if family == OURO and (steps := reader.integer(N_STEPS, most=MAX_PASSES)):
        reader.assume(f"every layer runs {steps} times, each time with a cache of its own")
        return _repeated(layers, steps)
    loops = reader.integer(N_LOOPS, most=MAX_PASSES) if family == LOOP_CODER else None
    if loops is None or loops == 1:
        return list(layers)
    window = reader.required_integer(LOOP_WINDOW, most=MAX_CONTEXT_LEN)
    reader.assume(f"layers run {loops} times; passes after the first cache {window} tokens")
    later = [(WINDOW, attention, window, loops - 1) for _, attention, *_ in layers]
    return [*layers, *later]


def _repeated(layers: Sequence[CachingLayer], n_caches: int) -> list[CachingLayer]:
    return [(kind, attention, window, n_caches) for kind, attention, window, _ in layers]
