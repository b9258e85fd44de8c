"""What a measured generation is asked to do: n tokens one after the other, with or without a cache.

`cached` keeps K and V of past tokens and runs one token a step. `recomputed` keeps nothing and
runs the whole prefix at every step. Both produce the same tokens. Free of torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    MAX_LAYERS,
    GroupedConfig,
    ModelConfig,
    Workload,
    require_int,
    require_kernel,
    require_rotary,
)
from gqa_core.measure.point import MAX_SAMPLES
from gqa_core.theory.cost import projection_parameters
from gqa_core.theory.formats import dtype_bytes, dtype_format
from gqa_core.theory.memory import kv_cache_bytes

WAYS = ("cached", "recomputed")
PLAIN_KERNEL = "matmul"  # writes all n^2 scores out, and copies no K or V


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratePoint:
    """One way to generate as many tokens as the last of `context_lens`, one sequence.

    The step that adds token n is timed again `n_samples` times at each n of `context_lens`, and
    the seconds spent until then are noted there.

    Raises:
        ValueError: a number out of bounds, lengths that do not rise, a way, dtype or kernel that
            does not exist, or an odd head_dim.
    """

    way: str
    attention: GroupedConfig
    context_lens: tuple[int, ...]
    dtype: str = "float32"
    n_layers: int = 2
    kernel: str = PLAIN_KERNEL
    n_samples: int = 9

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}: got {self.way!r}")
        require_rising("context_len", self.context_lens)
        dtype_format(self.dtype)
        require_rotary(self.attention)
        require_kernel(self.kernel)
        require_int("n_layers", self.n_layers, MAX_LAYERS)
        require_int("samples", self.n_samples, MAX_SAMPLES)

    @property
    def n_tokens(self) -> int:
        """Tokens generated."""
        return self.context_lens[-1]

    @property
    def formula_bytes(self) -> int:
        """Bytes the formula gives for the caches of all layers at the last token; 0 without any."""
        return self.cache_bytes(self.n_tokens) if self.way == "cached" else 0

    @property
    def required_bytes(self) -> int:
        """Bytes this takes while it runs: cache, weights, and one layer's scores and copies.

        Without a cache every token is a query: scores are n_heads n^2, in float32 with two copies
        beside those of the dtype, a mask, and five activations of n tokens.
        """
        n, element = self.n_tokens, dtype_bytes(self.dtype)
        queries = 1 if self.way == "cached" else n
        weights = self.n_layers * projection_parameters(self.attention) * element
        scores = queries * n * (self.attention.n_heads * (4 + 4 + 4 + element) + 1)
        activations = (5 * queries + 2 * n) * self.attention.n_heads * self.attention.head_dim
        return self.formula_bytes + weights + scores + activations * element

    def cache_bytes(self, context_len: int) -> int:
        """Bytes the formula gives for a cache of this model at `context_len` tokens."""
        model = ModelConfig.uniform(self.attention, self.n_layers)
        return kv_cache_bytes(model, Workload(context_len=context_len), dtype_format(self.dtype))

    def __str__(self) -> str:
        how = "with the cache" if self.way == "cached" else "by recomputing"
        return f"{self.n_tokens} tokens generated {how}, {self.dtype}"


def require_rising(name: str, context_lens: Sequence[int]) -> None:
    """Nothing, if there is a length and each is longer than the one before.

    Raises:
        ValueError: there is none, one is out of bounds, or one is not longer.
    """
    for context_len in context_lens:
        require_int(name, context_len, MAX_CONTEXT_LEN)
    if not context_lens or list(context_lens) != sorted(set(context_lens)):
        raise ValueError(f"{name} must be lengths that rise: got {list(context_lens)}")
