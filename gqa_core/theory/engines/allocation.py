"""Bytes that an engine allocates for the sequences of one GPU, beside what must be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from gqa_core.configs import ModelConfig, Workload
from gqa_core.theory.engines.base import (
    DEFAULT_OPTIONS,
    Engine,
    EngineName,
    EngineOptions,
    Rule,
    expanded_model,
)
from gqa_core.theory.engines.ideal import AS_ALLOCATED, IDEAL
from gqa_core.theory.engines.llama_cpp import LLAMA_CPP
from gqa_core.theory.engines.sglang import SGLANG
from gqa_core.theory.engines.transformers import TRANSFORMERS
from gqa_core.theory.engines.vllm import VLLM
from gqa_core.theory.parallelism import ONE_GPU, Parallelism, gpu_context_len, gpu_model
from gqa_core.theory.parts import MemoryPart, memory_parts

__all__ = [
    "ENGINES",
    "AllocatedPart",
    "Allocation",
    "allocate",
    "engine",
    "engine_bytes_per_token",
]

ENGINES: Mapping[EngineName, Engine] = MappingProxyType(
    {entry.name: entry for entry in (IDEAL, AS_ALLOCATED, VLLM, SGLANG, LLAMA_CPP, TRANSFORMERS)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocatedPart:
    """Bytes per sequence and GPU of one part, as allocated and at the least.

    `kind` is that of a `MemoryPart`, or "padding" for what belongs to no layer.
    """

    kind: str
    detail: str
    n_layers: int
    allocated_bytes: int
    ideal_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The bytes an engine allocates per sequence, on a GPU of the stage with most layers."""

    engine: EngineName
    parallelism: Parallelism
    workload: Workload
    parts: tuple[AllocatedPart, ...]
    rules: tuple[Rule, ...]

    @property
    def sequence_bytes(self) -> int:
        """Bytes per sequence and GPU."""
        return sum(part.allocated_bytes for part in self.parts)

    @property
    def ideal_sequence_bytes(self) -> int:
        """The least bytes per sequence and GPU."""
        return sum(part.ideal_bytes for part in self.parts)

    @property
    def gpu_bytes(self) -> int:
        """Bytes on the GPU with most sequences and layers."""
        return self._gpu_sequences * self.sequence_bytes

    @property
    def ideal_gpu_bytes(self) -> int:
        """The least bytes on the GPU with most sequences and layers."""
        return self._gpu_sequences * self.ideal_sequence_bytes

    @property
    def all_gpus_bytes(self) -> int:
        """Bytes on all GPUs, each counted as the one with most layers."""
        ranks = self.parallelism.tp * self.parallelism.pp
        return self.workload.batch_size * ranks * self.sequence_bytes

    def json_fields(self) -> dict[str, object]:
        """The fields of an engine in the JSON report; sizes of parts are per sequence."""
        return {
            "engine": self.engine,
            "engine_bytes_per_gpu": self.gpu_bytes,
            "engine_ideal_bytes_per_gpu": self.ideal_gpu_bytes,
            "engine_difference_bytes_per_gpu": self.gpu_bytes - self.ideal_gpu_bytes,
            "engine_bytes_per_sequence": self.sequence_bytes,
            "engine_bytes_all_gpus": self.all_gpus_bytes,
            "engine_parts": [asdict(part) for part in self.parts],
            "engine_rules": [asdict(rule) for rule in self.rules],
        }

    @property
    def _gpu_sequences(self) -> int:
        return self.parallelism.sequences_per_rank(self.workload.batch_size)


def engine(name: str) -> Engine:
    """The rules of the engine of this name.

    Raises:
        ValueError: the name is unknown.
    """
    for known, entry in ENGINES.items():
        if name == known:
            return entry
    raise ValueError(f"engine must be one of {', '.join(ENGINES)}: got {name[:40]!r}")


def allocate(
    name: str,
    model: ModelConfig,
    workload: Workload,
    kv_format: str,
    *,
    parallelism: Parallelism = ONE_GPU,
    options: EngineOptions = DEFAULT_OPTIONS,
) -> Allocation:
    """The bytes that the engine of this name allocates, part by part.

    The ideal is that of the same model: of latents, unless the options ask for expanded MLA.

    Raises:
        ValueError: the engine or the format is unknown, the format is not for these layers, or the
            engine cannot split the model so.
    """
    rules = engine(name)
    rules.validate(model, parallelism)
    ideal_model = expanded_model(model) if options.mla == "expanded" else model
    cached = rules.cached_model(model, options.mla or rules.default_mla)
    context_len = gpu_context_len(workload.context_len, parallelism)
    least = memory_parts(gpu_model(ideal_model, parallelism), kv_format)
    cached = gpu_model(cached, parallelism)
    kinds = memory_parts(cached, kv_format)
    sizes = rules.part_bytes(cached, kv_format, context_len, options)
    padding = rules.padding_bytes(cached, kv_format, context_len, options)
    parts = [
        _part(kind, ideal, n_bytes, context_len)
        for kind, ideal, n_bytes in zip(kinds, least, sizes, strict=True)
    ]
    if padding:
        parts.append(
            AllocatedPart(
                kind="padding",
                detail="layers that fill up groups",
                n_layers=0,
                allocated_bytes=padding,
                ideal_bytes=0,
            )
        )
    return Allocation(
        engine=rules.name,
        parallelism=parallelism,
        workload=workload,
        parts=tuple(parts),
        rules=rules.rules,
    )


def engine_bytes_per_token(
    name: str,
    model: ModelConfig,
    kv_format: str,
    *,
    context_len: int,
    parallelism: Parallelism = ONE_GPU,
    options: EngineOptions = DEFAULT_OPTIONS,
) -> float:
    """Bytes per token and GPU of one sequence of this length, fixed costs included.

    Raises:
        ValueError: as `allocate`.
    """
    allocation = allocate(
        name,
        model,
        Workload(context_len=context_len),
        kv_format,
        parallelism=parallelism,
        options=options,
    )
    return allocation.sequence_bytes / context_len


def _part(kind: MemoryPart, ideal: MemoryPart, n_bytes: int, context_len: int) -> AllocatedPart:
    return AllocatedPart(
        kind=kind.kind,
        detail=kind.detail,
        n_layers=kind.n_layers,
        allocated_bytes=n_bytes,
        ideal_bytes=ideal.sequence_bytes(context_len),
    )
