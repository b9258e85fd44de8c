"""A bounded search for the contexts at which variants begin to beat MHA.

First every variant side by side with MHA at contexts that double up to a bound, then at most three
more contexts, each in the middle of the widest bracket left. All that is measured are decode
points of one run; where the crossovers lie is derived from the records whenever they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gqa_core.configs import MAX_CONTEXT_LEN, GroupedConfig, LatentConfig, validate_int
from gqa_core.records.record import Record, row
from gqa_core.records.specs.decode import DecodeSpec, decode_specs
from gqa_core.theory.crossover import next_context, pair_with_mha, search_contexts

BISECTIONS = 3


@dataclass(frozen=True, kw_only=True)
class CrossoverSearch:
    """Variants against MHA, which `grouped` must not hold; `how` is as `decode_specs` takes it.

    Raises:
        ValueError: the bound is out of bounds, or there is no variant to compare.
    """

    mha: GroupedConfig
    grouped: Sequence[GroupedConfig]
    latent: LatentConfig | None
    max_context_len: int
    how: dict[str, Any]

    def __post_init__(self) -> None:
        validate_int("max_context_len", self.max_context_len, MAX_CONTEXT_LEN)
        if not self.others and self.latent is None:
            raise ValueError(
                f"n_kv_heads must hold a number below n_heads, or --mla be given: "
                f"got {self.mha.n_kv_heads} alone"
            )

    @property
    def others(self) -> list[GroupedConfig]:
        """The grouped layers that are not MHA, each once."""
        return list(dict.fromkeys(layer for layer in self.grouped if layer != self.mha))

    @property
    def start(self) -> list[DecodeSpec]:
        """What is measured in any case."""
        return self._at(*search_contexts(self.max_context_len))

    @property
    def n_more(self) -> int:
        """How many points may follow at most."""
        return BISECTIONS * len(self._at(self.max_context_len))

    def follow(self, records: Sequence[Record]) -> list[DecodeSpec]:
        """What these records make worth measuring next: all variants at one context, or nothing."""
        rows = [row(record) for record in records]
        begun = set(search_contexts(self.max_context_len))
        spent = {one["context_len"] for one in rows} - begun
        context_len = next_context(pair_with_mha(rows)) if len(spent) < BISECTIONS else None
        return [] if context_len is None else self._at(context_len)

    def _at(self, *context_lens: int) -> list[DecodeSpec]:
        return decode_specs(
            grouped=[self.mha, *self.others],
            latent=self.latent,
            context_lens=context_lens,
            **self.how,
        )
