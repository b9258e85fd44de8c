"""A bounded search for the contexts at which variants begin to beat MHA.

First every variant side by side with MHA at contexts that double up to a bound, then at most three
more contexts, each the midpoint of the widest open bracket. All of it are decode points of one run;
where the crossovers lie is derived from the records whenever they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    GroupedConfig,
    KernelName,
    LatentConfig,
    validate_int,
)
from gqa_core.records.crossover import N_BISECTIONS, next_context, pair_with_mha, search_contexts
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.kinds import DecodeRecord, Record
from gqa_core.records.specs.decode import CacheFormat, DecodeSpec, decode_specs
from gqa_core.theory.formats import DtypeName

__all__ = ["CrossoverSearch"]


@dataclass(frozen=True, kw_only=True)
class CrossoverSearch:
    """Variants against MHA at rising contexts; `grouped` may name MHA, which is measured once.

    Raises:
        ValueError: a number is out of bounds, or there is no variant to compare.
    """

    mha: GroupedConfig
    grouped: Sequence[GroupedConfig]
    latent: LatentConfig | None
    max_context_len: int
    batch_size: int = 1
    n_layers: int = 1
    dtype: DtypeName = "float32"
    kernel: KernelName = "auto"
    n_samples: int = 9
    kv_format: CacheFormat | None = None

    def __post_init__(self) -> None:
        validate_int("max_context_len", self.max_context_len, MAX_CONTEXT_LEN)
        if not self.variants and self.latent is None:
            raise ValueError(
                f"n_kv_heads must hold a number below n_heads, or --mla be given: "
                f"got {self.mha.n_kv_heads} alone"
            )

    @property
    def variants(self) -> list[GroupedConfig]:
        """The grouped layers that are not MHA, each once."""
        return list(dict.fromkeys(layer for layer in self.grouped if layer != self.mha))

    @property
    def initial_specs(self) -> list[DecodeSpec]:
        """The specs that every search measures."""
        return self._specs(*search_contexts(self.max_context_len))

    @property
    def max_extra(self) -> int:
        """The most points that may follow."""
        return N_BISECTIONS * len(self._specs(self.max_context_len))

    def next_specs(self, records: Sequence[Record]) -> list[DecodeSpec]:
        """All variants at the context that narrows the widest bracket; empty when there is none."""
        rows = [
            DecodeRow.from_record(record) for record in records if isinstance(record, DecodeRecord)
        ]
        initial = set(search_contexts(self.max_context_len))
        bisected = {row.context_len for row in rows} - initial
        if len(bisected) >= N_BISECTIONS:
            return []
        context_len = next_context(pair_with_mha(rows))
        return [] if context_len is None else self._specs(context_len)

    def _specs(self, *context_lens: int) -> list[DecodeSpec]:
        return decode_specs(
            grouped=[self.mha, *self.variants],
            latent=self.latent,
            context_lens=context_lens,
            batch_size=self.batch_size,
            n_layers=self.n_layers,
            dtype=self.dtype,
            kernel=self.kernel,
            n_samples=self.n_samples,
            kv_formats=[self.kv_format],
        )
