"""The base of generate and growth specs: a small model that takes one token after the other.

Each layer has its own cache, there is one sequence, and times are recorded at chosen lengths.
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
from gqa_core.records.specs.decode import MAX_SAMPLES
from gqa_core.theory.formats import DtypeName, dtype_format
from gqa_core.theory.memory import kv_cache_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenByTokenSpec:
    """Tokens up to the last of `context_lens`, with `n_samples` times at each of these lengths.

    Raises:
        ValueError: a number out of bounds, lengths that do not rise, or a dtype that does not
            exist.
    """

    attention: GroupedConfig
    context_lens: tuple[int, ...]
    dtype: DtypeName = "float32"
    n_layers: int = 2
    n_samples: int = 9

    def __post_init__(self) -> None:
        _validate_rising(self.context_lens)
        dtype_format(self.dtype)
        validate_int("n_layers", self.n_layers, MAX_LAYERS)
        validate_int("samples", self.n_samples, MAX_SAMPLES)

    @property
    def n_tokens(self) -> int:
        """Tokens in all."""
        return self.context_lens[-1]

    def cache_bytes(self, context_len: int) -> int:
        """Bytes of the caches of all layers at `context_len` tokens by the formula."""
        model = ModelConfig.uniform(self.attention, self.n_layers)
        return kv_cache_bytes(model, Workload(context_len=context_len), dtype_format(self.dtype))


def _validate_rising(context_lens: Sequence[int]) -> None:
    """Raise ValueError unless the lengths are within bounds and rise."""
    for context_len in context_lens:
        validate_int("context_len", context_len, MAX_CONTEXT_LEN)
    if not context_lens or list(context_lens) != sorted(set(context_lens)):
        raise ValueError(f"context_len must be lengths that rise: got {list(context_lens)}")
