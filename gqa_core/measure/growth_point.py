"""What a measured growth is asked to do: a cache that takes one token after the other.

`concatenate` makes a new tensor for every token and copies all old ones into it; `preallocate`
takes the longest length at once and writes into the next slot; `paged` takes a block of
`block_len` slots whenever the last one is full. Free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    MAX_LAYERS,
    GroupedConfig,
    ModelConfig,
    Workload,
    require_int,
)
from gqa_core.measure.generate_point import require_rising
from gqa_core.measure.point import MAX_SAMPLES
from gqa_core.theory.formats import dtype_format
from gqa_core.theory.memory import kv_cache_bytes

POLICIES = ("concatenate", "preallocate", "paged")
BLOCK_LEN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthPoint:
    """One policy, really run until the last of `context_lens`, one sequence, all layers.

    Raises:
        ValueError: a number out of bounds, lengths that do not rise, or a policy or dtype that
            does not exist.
    """

    policy: str
    attention: GroupedConfig
    context_lens: tuple[int, ...]
    dtype: str = "float32"
    n_layers: int = 2
    block_len: int = BLOCK_LEN
    n_samples: int = 9

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ValueError(f"policy must be one of {', '.join(POLICIES)}: got {self.policy!r}")
        require_rising("context_len", self.context_lens)
        dtype_format(self.dtype)
        require_int("n_layers", self.n_layers, MAX_LAYERS)
        require_int("block_len", self.block_len, MAX_CONTEXT_LEN)
        require_int("samples", self.n_samples, MAX_SAMPLES)

    @property
    def n_tokens(self) -> int:
        """Tokens appended."""
        return self.context_lens[-1]

    @property
    def formula_bytes(self) -> int:
        """Bytes the formula gives for the caches of all layers at the last token."""
        return self.cache_bytes(self.n_tokens)

    @property
    def required_bytes(self) -> int:
        """Bytes this takes while it runs: the slots, and for `concatenate` four times as many.

        It frees its old tensors, but the allocator keeps some: peaks of 2.7 to 3.1 times the
        formula were seen.
        """
        if self.policy == "concatenate":
            return 4 * self.formula_bytes
        if self.policy == "paged":
            n_blocks = -(-self.n_tokens // self.block_len)
            return self.cache_bytes(1) * n_blocks * self.block_len
        return self.formula_bytes

    def cache_bytes(self, context_len: int) -> int:
        """Bytes the formula gives for this cache at `context_len` tokens, no slot to spare."""
        element = dtype_format(self.dtype)
        token = kv_cache_bytes(
            ModelConfig.uniform(self.attention, self.n_layers), Workload(context_len=1), element
        )
        return context_len * token

    def __str__(self) -> str:
        blocks = f" blocks of {self.block_len}" if self.policy == "paged" else ""
        return f"{self.n_tokens} tokens appended, {self.policy}{blocks}, {self.dtype}"
