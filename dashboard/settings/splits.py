"""The sizes of tensor, data, context and pipeline parallelism that a model can have."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from gqa_core.configs import ModelConfig
from gqa_core.theory.engines import EngineName, engine
from gqa_core.theory.parallelism import Parallelism, gpu_model

ENGINE_NAMES: tuple[EngineName, ...] = ("ideal", "vllm", "sglang", "llama.cpp", "transformers")
DP_SIZES = (1, 2, 4, 8, 16, 32, 64)
PP_SIZES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)


def can_split(model: ModelConfig, name: EngineName, parallelism: Parallelism) -> bool:
    """True if the engine can run the model on GPUs split so."""
    try:
        engine(name).validate(model, parallelism)
        gpu_model(model, parallelism)
    except ValueError:
        return False
    return True


def tp_sizes(models: Iterable[ModelConfig], name: EngineName) -> list[int]:
    """The numbers of tensor parallel GPUs that can split every one of these models, ascending."""
    models = tuple(models)
    return list(_tp_sizes(models, tuple(model.family for model in models), name))


@lru_cache(maxsize=1024)  # most moves of a slider leave the heads as they are
def _tp_sizes(
    models: tuple[ModelConfig, ...], families: tuple[str, ...], name: EngineName
) -> tuple[int, ...]:
    """As `tp_sizes`; models of two families are equal, so these are an argument."""
    heads = [group.attention.n_heads for model in models for group in model]
    return tuple(
        tp
        for tp in range(1, min(heads, default=1) + 1)
        if all(can_split(model, name, Parallelism(tp=tp)) for model in models)
    )


def dcp_sizes(model: ModelConfig, name: EngineName, tp: int) -> list[int]:
    """The numbers of decode context parallel ranks among `tp` GPUs, ascending."""
    divisors = [dcp for dcp in range(1, tp + 1) if tp % dcp == 0]
    return [dcp for dcp in divisors if can_split(model, name, Parallelism(tp=tp, dcp=dcp))]


def pp_sizes(model: ModelConfig) -> list[int]:
    """The numbers of pipeline stages, at most one per layer."""
    return [pp for pp in PP_SIZES if pp <= model.n_layers]
