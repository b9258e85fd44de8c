"""What generations and growing caches have in common: a small model that takes token after token.

Every layer has its own cache, there is one sequence, and what is timed is kept at chosen lengths.
Free of torch.
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
    validate_int,
)
from gqa_core.records.specs.decode import MAX_SAMPLES, DType
from gqa_core.theory.formats import dtype_format
from gqa_core.theory.memory import kv_cache_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenByTokenSpec:
    """As many tokens as the last of `context_lens`; `n_samples` seconds are kept at each of them.

    Raises:
        ValueError: a number out of bounds, lengths that do not rise, or a dtype that does not
            exist.
    """

    attention: GroupedConfig
    context_lens: tuple[int, ...]
    dtype: DType = "float32"
    n_layers: int = 2
    n_samples: int = 9

    def __post_init__(self) -> None:
        _require_rising(self.context_lens)
        dtype_format(self.dtype)
        validate_int("n_layers", self.n_layers, MAX_LAYERS)
        validate_int("samples", self.n_samples, MAX_SAMPLES)

    @property
    def n_tokens(self) -> int:
        """Tokens taken in all."""
        return self.context_lens[-1]

    def cache_bytes(self, context_len: int) -> int:
        """Bytes the formula gives for the caches of all layers at `context_len` tokens."""
        model = ModelConfig.uniform(self.attention, self.n_layers)
        return kv_cache_bytes(model, Workload(context_len=context_len), dtype_format(self.dtype))


def _require_rising(context_lens: Sequence[int]) -> None:
    for context_len in context_lens:
        validate_int("context_len", context_len, MAX_CONTEXT_LEN)
    if not context_lens or list(context_lens) != sorted(set(context_lens)):
        raise ValueError(f"context_len must be lengths that rise: got {list(context_lens)}")
