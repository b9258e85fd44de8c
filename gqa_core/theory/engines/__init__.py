"""Rules by which engines allocate a cache: vLLM, SGLang, llama.cpp, transformers."""

from gqa_core.theory.engines.allocation import (
    ENGINES,
    AllocatedPart,
    Allocation,
    allocate,
    engine,
    engine_bytes_per_token,
)
from gqa_core.theory.engines.base import Engine, EngineName, EngineOptions, MlaForm, Rule

__all__ = [
    "ENGINES",
    "AllocatedPart",
    "Allocation",
    "Engine",
    "EngineName",
    "EngineOptions",
    "MlaForm",
    "Rule",
    "allocate",
    "engine",
    "engine_bytes_per_token",
]
