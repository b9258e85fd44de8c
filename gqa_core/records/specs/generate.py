"""Spec of a measured generation: n tokens one after the other, with or without a cache.

`cached` keeps K and V of earlier tokens and runs one token per step. `recomputed` keeps nothing and
runs the whole prefix at every step. Both generate the same tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from gqa_core.configs import KernelName, validate_kernel, validate_rotary
from gqa_core.records.specs.decode import CacheSpec
from gqa_core.records.specs.token_by_token import TokenByTokenSpec
from gqa_core.theory.cost import projection_parameters
from gqa_core.theory.formats import dtype_bytes

Mode = Literal["cached", "recomputed"]
MODES: tuple[Mode, ...] = get_args(Mode)
PLAIN_KERNEL: KernelName = "matmul"  # writes all n^2 scores out, and copies no K or V
N_SHOWN = 4  # components of a token vector in a record, by which the two modes are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateSpec(TokenByTokenSpec):
    """One mode of generating as many tokens as the last of `context_lens`, one sequence.

    At each n of `context_lens`, the step that adds token n is timed `n_samples` more times, and the
    sum of all steps so far is recorded.

    Raises:
        ValueError: as `TokenByTokenSpec`, a mode or kernel that does not exist, or an odd head_dim.
    """

    mode: Mode
    kernel: KernelName = PLAIN_KERNEL

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}: got {self.mode!r}")
        TokenByTokenSpec.__post_init__(self)  # super() fails in a class with slots
        validate_rotary(self.attention)
        validate_kernel(self.kernel)

    @property
    def cache_specs(self) -> tuple[CacheSpec, ...]:
        """The cache of each layer; without one, only the first token is attended alone."""
        capacity = self.n_tokens if self.mode == "cached" else 1
        return (CacheSpec(self.kernel, capacity, self.dtype),)

    @property
    def formula_bytes(self) -> int:
        """Bytes of the caches of all layers at the last token by the formula; 0 without caches."""
        return self.cache_bytes(self.n_tokens) if self.mode == "cached" else 0

    @property
    def required_bytes(self) -> int:
        """Bytes it takes while it runs: cache, weights, and one layer's scores and copies.

        Without a cache every token is a query: scores are n_heads n^2, in float32 with two copies
        beside those of the dtype, a mask, and five activations of n tokens.
        """
        n, element = self.n_tokens, dtype_bytes(self.dtype)
        queries = 1 if self.mode == "cached" else n
        weights = self.n_layers * projection_parameters(self.attention) * element
        scores = queries * n * (self.attention.n_heads * (4 + 4 + 4 + element) + 1)
        activations = (5 * queries + 2 * n) * self.attention.n_heads * self.attention.head_dim
        return self.formula_bytes + weights + scores + activations * element

    def __str__(self) -> str:
        mode = "with the cache" if self.mode == "cached" else "by recomputing"
        return f"{self.n_tokens} tokens generated {mode}, {self.dtype}"
