"""What a measured generation is asked to do: n tokens one after the other, with or without a cache.

`cached` keeps K and V of past tokens and runs one token a step. `recomputed` keeps nothing and
runs the whole prefix at every step. Both produce the same tokens. Free of torch.
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
N_SHOWN = 4  # numbers of a token's vector that a record keeps, to compare the two modes by


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateSpec(TokenByTokenSpec):
    """One mode of generating as many tokens as the last of `context_lens`, one sequence.

    The step that adds token n is timed again `n_samples` times at each n of `context_lens`, and
    the seconds spent until then are noted there.

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
        """The cache of every layer; without one, only the first token comes alone to a kernel."""
        capacity = self.n_tokens if self.mode == "cached" else 1
        return (CacheSpec(self.kernel, capacity, self.dtype),)

    @property
    def formula_bytes(self) -> int:
        """Bytes the formula gives for the caches of all layers at the last token; 0 without any."""
        return self.cache_bytes(self.n_tokens) if self.mode == "cached" else 0

    @property
    def required_bytes(self) -> int:
        """Bytes this takes while it runs: cache, weights, and one layer's scores and copies.

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
        how = "with the cache" if self.mode == "cached" else "by recomputing"
        return f"{self.n_tokens} tokens generated {how}, {self.dtype}"
