"""What the sliders of a page say, as frozen numbers, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.variants import variants
from gqa_core.configs import AttentionConfig, GroupedConfig, ModelConfig, Workload
from gqa_core.measure.record import Record
from gqa_core.theory.memory import kv_cache_bytes
from gqa_core.theory.sharding import on_one_gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsChoice:
    """Geometry and workload that every page has."""

    n_heads: int
    n_kv_heads: int
    head_dim: int
    context_len: int
    batch_size: int

    @property
    def rows(self) -> Mapping[str, AttentionConfig]:
        """The layers to compare, by variant."""
        return variants(self.n_heads, self.n_kv_heads, self.head_dim)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeChoice(HeadsChoice):
    """A model whose cache is computed; `n_layers` are the model's."""

    n_layers: int
    kv_format: str

    @property
    def models(self) -> Mapping[str, ModelConfig]:
        """What all layers cache, by variant."""
        return {name: ModelConfig.uniform(row, self.n_layers) for name, row in self.rows.items()}

    def cache_bytes(self, attention: AttentionConfig, context_len: int) -> int:
        """Bytes of this model's cache if all its layers were `attention`."""
        model = ModelConfig.uniform(attention, self.n_layers)
        workload = Workload(context_len=context_len, batch_size=self.batch_size)
        return kv_cache_bytes(model, workload, self.kv_format)

    def bytes_per_gpu(self, attention: AttentionConfig, tp: int) -> int:
        """Bytes of that cache on each of `tp` GPUs, at the sliders' context."""
        alone = on_one_gpu(attention, tp)
        return self.cache_bytes(alone, self.context_len)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeChoice(HeadsChoice):
    """A measurement; `n_layers` are the layers really allocated and walked through."""

    n_layers: int
    dtype: str
    kernel: str

    @property
    def context_lens(self) -> tuple[int, ...]:
        """The contexts one run measures: the slider's, a quarter and a sixteenth of it."""
        return tuple(sorted({max(self.context_len // part, 1) for part in (16, 4, 1)}))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that measure all rows."""
        counts = tuple(sorted({self.n_heads, self.n_kv_heads, 1}, reverse=True))
        flags = {
            "n-heads": self.n_heads,
            "n-kv-heads": counts,
            "head-dim": self.head_dim,
            "context-len": self.context_lens,
            "batch-size": self.batch_size,
            "n-layers": self.n_layers,
            "dtype": self.dtype,
            "kernel": self.kernel,
        }
        return ("bench", *_typed(flags), "--mla")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChoice(HeadsChoice):
    """Comparisons of what must be equal; `planted` reads shared heads in the wrong order."""

    dtype: str
    planted: bool

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that make all comparisons."""
        flags = {
            "n-heads": self.n_heads,
            "n-kv-heads": self.n_kv_heads,
            "head-dim": self.head_dim,
            "context-len": self.context_len,
            "batch-size": self.batch_size,
            "dtype": self.dtype,
        }
        return ("check", *_typed(flags), *["--plant-wrong-head-order"] * self.planted)

    def is_of(self, record: Record) -> bool:
        """Whether a record was made with these numbers."""
        config, workload = record["config"], record["workload"]
        mine = (self.n_heads, self.n_kv_heads, self.head_dim, self.context_len, self.batch_size)
        theirs = tuple(config[name] for name in ("n_heads", "n_kv_heads", "head_dim"))
        theirs += (workload["context_len"], workload["batch_size"])
        same_way = (workload["dtype"], record["planted"]) == (self.dtype, self.planted)
        return mine == theirs and same_way


LENGTHS = tuple(sorted(part * 2**power for part in (2, 3) for power in range(1, 13)))


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyChoice:
    """A small model that generates with and without a cache; every head has its own K and V."""

    n_heads: int
    head_dim: int
    n_layers: int
    context_len: int

    @property
    def attention(self) -> GroupedConfig:
        """One layer of it."""
        return GroupedConfig(n_heads=self.n_heads, n_kv_heads=self.n_heads, head_dim=self.head_dim)

    @property
    def context_lens(self) -> tuple[int, ...]:
        """Two lengths a doubling, from a twelfth of the longest on: both ways are timed there."""
        longest = self.context_len
        return tuple(length for length in LENGTHS if longest <= 12 * length <= 12 * longest)

    @property
    def cached_context_lens(self) -> tuple[int, ...]:
        """Longer ones, up to 16/3 of it, for the cache alone, where a step is short."""
        longest = self.context_len
        return tuple(length for length in LENGTHS if 3 * longest < 3 * length <= 16 * longest)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that measure this."""
        flags = {
            "n-heads": self.n_heads,
            "head-dim": self.head_dim,
            "n-layers": self.n_layers,
            "context-len": self.context_lens,
            "cached-context-len": self.cached_context_lens,
        }
        return ("why", *_typed(flags))


def _typed(flags: Mapping[str, int | str | tuple[int, ...]]) -> list[str]:
    """Flags as a user types them, several numbers with commas between them."""
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in flags.items()
    }
    return [part for name, text in texts.items() for part in (f"--{name}", text)]
