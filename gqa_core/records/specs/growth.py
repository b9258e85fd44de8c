"""Spec of a measured growth: a cache to which one token after the other is appended.

`concatenate` allocates a new tensor for every token and copies all earlier tokens into it;
`preallocate` allocates the longest length at once and writes into the next slot; `paged` allocates
a block of `block_len` slots whenever the last one is full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from gqa_core.configs import MAX_CONTEXT_LEN, validate_int
from gqa_core.records.specs.decode import CacheSpec
from gqa_core.records.specs.token_by_token import TokenByTokenSpec

Policy = Literal["concatenate", "preallocate", "paged"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
BLOCK_LEN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthSpec(TokenByTokenSpec):
    """One policy, run up to the last of `context_lens` for one sequence and all layers.

    Raises:
        ValueError: as `TokenByTokenSpec`, a policy that does not exist, or a block out of bounds.
    """

    policy: Policy
    block_len: int = BLOCK_LEN

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ValueError(f"policy must be one of {', '.join(POLICIES)}: got {self.policy!r}")
        TokenByTokenSpec.__post_init__(self)  # super() fails in a class with slots
        validate_int("block_len", self.block_len, MAX_CONTEXT_LEN)

    @property
    def cache_specs(self) -> tuple[CacheSpec, ...]:
        """The caches that allocate all slots at once; the others are laid out for no kernel."""
        if self.policy != "preallocate":
            return ()
        return (CacheSpec("auto", self.n_tokens, self.dtype),)

    @property
    def formula_bytes(self) -> int:
        """Bytes of the caches of all layers at the last token by the formula."""
        return self.cache_bytes(self.n_tokens)

    @property
    def required_bytes(self) -> int:
        """Bytes it takes while it runs: the slots, and for `concatenate` four times as many.

        It frees its old tensors, but the allocator keeps some: peaks of 2.7 to 3.1 times the
        formula were measured.
        """
        if self.policy == "concatenate":
            return 4 * self.formula_bytes
        return self.allocated_bytes(self.n_tokens)

    @property
    def worst_waste_bytes(self) -> int:
        """Bytes of slots that hold no token yet, when they are most: at the first token."""
        return self.allocated_bytes(1) - self.cache_bytes(1)

    def allocated_bytes(self, context_len: int) -> int:
        """Bytes of all tensors of the caches once `context_len` tokens are in them."""
        if self.policy == "concatenate":
            return self.cache_bytes(context_len)
        if self.policy == "preallocate":
            return self.formula_bytes
        n_blocks = -(-context_len // self.block_len)
        return self.cache_bytes(1) * n_blocks * self.block_len

    def __str__(self) -> str:
        blocks = f" blocks of {self.block_len}" if self.policy == "paged" else ""
        return f"{self.n_tokens} tokens appended, {self.policy}{blocks}, {self.dtype}"
