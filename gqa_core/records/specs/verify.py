"""Spec of a comparison whose two sides must be equal, the tolerances, and a planted fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from gqa_core.configs import (
    KERNEL_NAMES,
    GroupedConfig,
    Workload,
    default_mla_for,
    validate_rotary,
)
from gqa_core.records.specs.decode import TORCH_BYTES, CacheSpec, DecodeSpec
from gqa_core.theory.formats import DtypeName, dtype_bytes, dtype_format

TOLERANCE: Mapping[DtypeName, float] = MappingProxyType(
    {"float32": 1e-5, "float16": 4e-3, "bfloat16": 2e-2}
)
CACHED_TOKENS = 64  # of the sequence that is compared token by token

Comparison = Literal[
    "gqa_is_mha",
    "gqa_is_mqa",
    "absorbed_is_naive",
    "cached_is_uncached",
    "kernel_eager",
    "kernel_sdpa",
    "kernel_packed",
    "kernel_matmul",
    "kernel_split_kv",
]
COMPARISONS: Mapping[Comparison, str] = MappingProxyType(
    {
        "gqa_is_mha": "GQA with n_kv_heads = n_heads against MHA",
        "gqa_is_mqa": "GQA with n_kv_heads = 1 against MQA",
        "absorbed_is_naive": "absorbed against naive MLA",
        "cached_is_uncached": "one token at a time with a cache against all at once without",
        "kernel_eager": "kernel eager against float64",
        "kernel_sdpa": "kernel sdpa against float64",
        "kernel_packed": "kernel packed against float64",
        "kernel_matmul": "kernel matmul against float64",
        "kernel_split_kv": "kernel split_kv against float64",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpec:
    """One comparison of COMPARISONS for this layer and workload.

    `planted` reads the K/V heads in the wrong order (head i takes K/V head i mod n_kv_heads, what
    `repeat` gives for `repeat_interleave`) on one side of every comparison that shares heads.

    Raises:
        ValueError: no such comparison or dtype, or a head_dim that RoPE cannot rotate.
    """

    comparison: Comparison
    attention: GroupedConfig
    workload: Workload
    dtype: DtypeName = "float32"
    planted: bool = False

    def __post_init__(self) -> None:
        if self.comparison not in COMPARISONS:
            known = ", ".join(COMPARISONS)
            raise ValueError(f"comparison must be one of {known}: got {self.comparison!r}")
        dtype_format(self.dtype)
        validate_rotary(self.attention)
        if self.comparison == "absorbed_is_naive":
            validate_rotary(default_mla_for(self.attention.n_heads, self.attention.head_dim))

    @property
    def cache_specs(self) -> tuple[CacheSpec, ...]:
        """The caches of both forms of MLA, or the cache of the compared kernel."""
        s, dtype = self.workload.context_len, self.dtype
        if self.comparison == "absorbed_is_naive":
            return tuple(CacheSpec("auto", s, dtype, is_latent) for is_latent in (False, True))
        kernels = [name for name in KERNEL_NAMES if self.comparison == f"kernel_{name}"]
        return tuple(CacheSpec(name, s, dtype) for name in kernels)

    @property
    def formula_bytes(self) -> int:
        """Bytes of the largest cache of a comparison: naive MLA's, 1.5 times an MHA's."""
        latent = default_mla_for(self.attention.n_heads, self.attention.head_dim)
        return DecodeSpec(
            attention=latent, workload=self.workload, dtype=self.dtype, kernel="naive"
        ).formula_bytes

    @property
    def required_bytes(self) -> int:
        """Bytes it takes at most: that cache, a copy in float64 and an expanded copy."""
        element = dtype_bytes(self.dtype)
        return self.formula_bytes * (2 + 8 // element) + TORCH_BYTES

    def __str__(self) -> str:
        return f"{COMPARISONS[self.comparison]}, {self.dtype}"
