"""Spec of a comparison of two sides that must agree, the tolerances, and a planted fault.

A tolerance is a relative L2 error. That of a dtype is for rounding alone; that of a quantised
format for what its codes lose on normal values (0.9% in int8 and 3.7% in e4m3 were measured).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from gqa_core.configs import (
    KERNEL_NAMES,
    GroupedConfig,
    QuantisedFormat,
    Workload,
    default_mla_for,
    validate_rotary,
)
from gqa_core.records.specs.decode import TORCH_BYTES, CacheSpec, DecodeSpec
from gqa_core.theory.formats import DtypeName, dtype_bytes, dtype_format

TOLERANCE: Mapping[DtypeName, float] = MappingProxyType(
    {"float32": 1e-5, "float16": 4e-3, "bfloat16": 2e-2}
)
FORMAT_TOLERANCE: Mapping[QuantisedFormat, float] = MappingProxyType(
    {"int8_per_token_head": 1.5e-2, "fp8_per_token_head": 5e-2}  # on normal values
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
    "int8_is_float",
    "fp8_is_float",
    "int8_is_float64",
    "fp8_is_float64",
    "latent_int8_is_float64",
    "latent_fp8_is_float64",
]
QUANTISED: Mapping[Comparison, QuantisedFormat] = MappingProxyType(
    {
        "int8_is_float": "int8_per_token_head",
        "fp8_is_float": "fp8_per_token_head",
        "int8_is_float64": "int8_per_token_head",
        "fp8_is_float64": "fp8_per_token_head",
        "latent_int8_is_float64": "int8_per_token_head",
        "latent_fp8_is_float64": "fp8_per_token_head",
    }
)
LATENT_QUANTISED: tuple[Comparison, ...] = ("latent_int8_is_float64", "latent_fp8_is_float64")
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
        "int8_is_float": "int8_per_token_head against the float cache",
        "fp8_is_float": "fp8_per_token_head against the float cache",
        "int8_is_float64": "int8_per_token_head against float64",
        "fp8_is_float64": "fp8_per_token_head against float64",
        "latent_int8_is_float64": "absorbed MLA in int8_per_token_head against float64",
        "latent_fp8_is_float64": "absorbed MLA in fp8_per_token_head against float64",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpec:
    """One comparison of COMPARISONS for this layer and workload.

    `planted` reads the K/V heads in the wrong order (head i takes K/V head i mod n_kv_heads, what
    `repeat` gives for `repeat_interleave`) on one side of every comparison that shares heads. In a
    quantised cache it gives every vector the scale of the token before it.

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
        """The caches of both forms of MLA, those that are compared, or that of a kernel."""
        s, dtype = self.workload.context_len, self.dtype
        if kv_format := QUANTISED.get(self.comparison):
            is_latent = self.comparison in LATENT_QUANTISED
            formats = (kv_format, None) if self.comparison.endswith("is_float") else (kv_format,)
            return tuple(CacheSpec("auto", s, dtype, is_latent, each) for each in formats)
        if self.comparison == "absorbed_is_naive":
            return tuple(CacheSpec("auto", s, dtype, is_latent) for is_latent in (False, True))
        kernels = [name for name in KERNEL_NAMES if self.comparison == f"kernel_{name}"]
        return tuple(CacheSpec(name, s, dtype) for name in kernels)

    @property
    def tolerance(self) -> float:
        """The relative L2 error that may be: that of the dtype, or of the quantised format."""
        kv_format = QUANTISED.get(self.comparison)
        rounding = TOLERANCE[self.dtype]
        return rounding if kv_format is None else max(rounding, FORMAT_TOLERANCE[kv_format])

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
