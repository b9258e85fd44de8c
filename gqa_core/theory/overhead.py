"""Memory that an engine takes of each GPU besides weights and cache.

It is the runtime's own memory, the communication of several GPUs, and the largest activations of a
step. Engines measure it at start, and it depends on the version, the length of a step and the
vocabulary, so that a figure from outside is an expectation: half of the logs are above it. The safe
figure is the most that was seen, one log aside (`gqa_core/catalog/deployments.csv` names it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from gqa_core import units
from gqa_core.configs import ModelConfig

__all__ = ["OVERHEADS", "Overhead", "cache_fraction", "cache_fraction_for", "engine_overhead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Bytes per GPU: `expected_bytes` for an estimate, `safe_bytes` for a promise."""

    expected_bytes: int
    safe_bytes: int
    source: str


LOGS = "start-up logs of 17 public deployments: median 1.25 GiB, 0.27 to 3.3 GiB"
SAFE_BYTES = round(3.3 * units.GIB)
VLLM = Overhead(
    expected_bytes=round(1.28 * units.GIB),
    safe_bytes=SAFE_BYTES,
    source=f"{LOGS}, and a little more for vLLM alone",
)
# SGLang takes its fraction of the memory that is free once its runtime is loaded, and leaves
# activations to the rest: a runtime of 0.6 GiB costs 0.5 GiB of the fraction.
SGLANG = Overhead(
    expected_bytes=units.GIB // 2,
    safe_bytes=SAFE_BYTES,
    source="sgl-project/sglang, model_runner.py (profile_max_num_token); 22.93 of 23.53 GiB free "
    "before the weights in a start-up log",
)
OVERHEADS: Mapping[str, Overhead] = MappingProxyType({"vllm": VLLM, "sglang": SGLANG})
MAMBA_RATIO = Fraction(9, 10)  # SGLang's mamba_full_memory_ratio: states over tokens


def engine_overhead(engine: str) -> Overhead:
    """The overhead of an engine; that of vLLM for an engine of which no log is known."""
    return OVERHEADS.get(engine, VLLM)


def cache_fraction(engine: str, model: ModelConfig) -> Fraction:
    """The part of the room for a cache that is for tokens: less than 1 if a pool is for states."""
    return cache_fraction_for(engine, has_states=bool(model.states))


def cache_fraction_for(engine: str, *, has_states: bool) -> Fraction:
    """The part of the room that is for tokens, of a model with or without states.

    Source: sgl-project/sglang, mamba_full_memory_ratio = 0.9 by default: states take 0.9 of 1.9.
    """
    return 1 / (1 + MAMBA_RATIO) if engine == "sglang" and has_states else Fraction(1)
