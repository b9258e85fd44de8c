"""Settings of the pages that measure, and the command line of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.settings.model import AttentionSettings
from dashboard.settings.options import UNQUANTISED
from gqa_core.configs import GroupedConfig
from gqa_core.records.crossover import N_BISECTIONS, search_contexts
from gqa_core.records.kinds import VerifyRecord
from gqa_core.records.specs.quality import QualitySpec, quality_specs
from gqa_core.records.specs.training import Pooling, TrainingConfig, divisors
from gqa_core.records.specs.verify import COMPARISONS
from gqa_core.theory.formats import DTYPE_FORMATS

SECONDS_PER_POINT = 2.5  # of a decode step whose samples settle late, with its set-up
SECONDS_PER_COMPARISON = 3.0  # each in a process of its own, which imports torch
SECONDS_TO_START = 5.0  # a child that imports torch and builds its model
SECONDS_PER_TRAINING_STEP = 0.25  # of the small model, with its share of the evaluations
# As the shipped run took them on one thread, per layer: of attention by head elements and pairs of
# tokens, of projections by weights and tokens. Without a cache they are parts of large products.
SECONDS_PER_PAIR, SECONDS_PER_WEIGHT = 1e-10, 3e-11
SECONDS_PER_CACHED_PAIR, SECONDS_PER_CACHED_WEIGHT = 1.8e-9, 9e-10  # growing included

Flag = int | str | tuple[int, ...]  # the value of a command-line option


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSettings(AttentionSettings):
    """A measurement of decode steps; `n_layers` layers are really allocated and walked.

    `cache_format` is one of options.CACHE_FORMATS.
    """

    n_layers: int
    dtype: str
    kernel: str
    cache_format: str = UNQUANTISED

    @property
    def own_format(self) -> str:
        """The number format of the dtype."""
        return DTYPE_FORMATS[self.dtype]

    @property
    def kv_format(self) -> str:
        """The number format of the cache."""
        return self.own_format if self.cache_format == UNQUANTISED else self.cache_format

    @property
    def context_lens(self) -> tuple[int, ...]:
        """The contexts that one run measures: `context_len`, a quarter and a sixteenth of it."""
        return tuple(sorted({max(self.context_len // divisor, 1) for divisor in (16, 4, 1)}))

    @property
    def n_points(self) -> int:
        """The points that one run measures: every variant, MLA in both forms, at each context."""
        formats = 1 if self.cache_format == UNQUANTISED else 2
        return len(self.context_lens) * (len(self.variants) + 1) * formats

    def describe_run(self, *, is_search: bool) -> str:
        """A clause about what a run, or a search for crossovers, measures."""
        if is_search:
            return f"searches contexts up to {self.context_len:,} tokens"
        return f"measures every variant at {', '.join(f'{n:,}' for n in self.context_lens)} tokens"

    @property
    def estimate_s(self) -> float:
        """About the seconds that a run takes."""
        return SECONDS_PER_POINT * self.n_points

    @property
    def search_estimate_s(self) -> float:
        """About the seconds that a search for crossovers takes."""
        n_contexts = len(search_contexts(self.context_len)) + N_BISECTIONS
        return SECONDS_PER_POINT * n_contexts * (len(self.variants) + 1)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that measure all rows.

        Quantised caches are measured in turns with unquantised ones.
        """
        counts = tuple(sorted({self.n_heads, self.n_kv_heads, 1}, reverse=True))
        flags = self._flags(counts, {"context-len": self.context_lens})
        return ("bench", *flags, *self._kv_format_flag(self.own_format), "--mla")

    @property
    def search_arguments(self) -> tuple[str, ...]:
        """The arguments that search up to `context_len` for where each variant beats MHA."""
        counts = tuple(sorted({self.n_kv_heads, 1}, reverse=True))
        flags = self._flags(counts, {"max-context-len": self.context_len})
        return ("crossover", *flags, *self._kv_format_flag(), "--mla")

    def _kv_format_flag(self, *unquantised: str) -> list[str]:
        if self.cache_format == UNQUANTISED:
            return []
        return ["--kv-format", ",".join((*unquantised, self.cache_format))]

    def _flags(
        self, n_kv_heads: tuple[int, ...], contexts: Mapping[str, int | tuple[int, ...]]
    ) -> list[str]:
        flags: dict[str, Flag] = {
            "n-heads": self.n_heads,
            "n-kv-heads": n_kv_heads,
            "head-dim": self.head_dim,
            **contexts,
            "batch-size": self.batch_size,
            "n-layers": self.n_layers,
            "dtype": self.dtype,
            "kernel": self.kernel,
        }
        return to_flags(flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings(AttentionSettings):
    """Comparisons of layers that must agree; `planted` puts heads and scales in the wrong order."""

    dtype: str
    planted: bool

    @property
    def estimate_s(self) -> float:
        """About the seconds that all comparisons take."""
        return SECONDS_PER_COMPARISON * len(COMPARISONS)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that make all comparisons."""
        flags: dict[str, Flag] = {
            "n-heads": self.n_heads,
            "n-kv-heads": self.n_kv_heads,
            "head-dim": self.head_dim,
            "context-len": self.context_len,
            "batch-size": self.batch_size,
            "dtype": self.dtype,
        }
        return ("verify", *to_flags(flags), *["--plant-errors"] * self.planted)

    def matches(self, record: VerifyRecord) -> bool:
        """True if a record was measured with these settings."""
        config, workload = record.config, record.workload
        return (
            (config.n_heads, config.n_kv_heads) == (self.n_heads, self.n_kv_heads)
            and (config.head_dim, workload.context_len) == (self.head_dim, self.context_len)
            and (workload.batch_size, workload.dtype) == (self.batch_size, self.dtype)
            and record.planted == self.planted
        )


PERCENTS = (0, 1, 2, 5, 10, 20)  # of the training's steps
ALL_LENGTHS = tuple(sorted(part * 2**power for part in (2, 3) for power in range(1, 13)))


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSettings:
    """A small model that generates with and without a cache; every head has its own K and V."""

    n_heads: int
    head_dim: int
    n_layers: int
    context_len: int

    @property
    def attention(self) -> GroupedConfig:
        """One layer of the model."""
        return GroupedConfig(n_heads=self.n_heads, n_kv_heads=self.n_heads, head_dim=self.head_dim)

    @property
    def context_lens(self) -> tuple[int, ...]:
        """The lengths timed with and without a cache: two per doubling, from n / 12 to n."""
        n = self.context_len
        return tuple(length for length in ALL_LENGTHS if n <= 12 * length <= 12 * n)

    @property
    def cached_context_lens(self) -> tuple[int, ...]:
        """Longer lengths, up to 16 n / 3, timed only with a cache, where a step is short."""
        n = self.context_len
        return tuple(length for length in ALL_LENGTHS if 3 * n < 3 * length <= 16 * n)

    @property
    def estimate_s(self) -> float:
        """About the seconds that a run takes."""
        n, longest = self.context_len, max(self.cached_context_lens)
        dim, n_weights = self.attention.dim, 4 * self.attention.dim**2
        recomputed = SECONDS_PER_PAIR * dim * n**3 / 3 + SECONDS_PER_WEIGHT * n_weights * n**2 / 2
        cached = (
            SECONDS_PER_CACHED_PAIR * dim * longest**2 / 2
            + SECONDS_PER_CACHED_WEIGHT * n_weights * longest
        )
        return SECONDS_TO_START + self.n_layers * (recomputed + cached)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that measure this."""
        flags: dict[str, Flag] = {
            "n-heads": self.n_heads,
            "head-dim": self.head_dim,
            "n-layers": self.n_layers,
            "context-len": self.context_lens,
            "cached-context-len": self.cached_context_lens,
        }
        return ("generate", *to_flags(flags))


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySettings:
    """A conversion of the pretrained small model to fewer K/V heads, and its uptraining."""

    pooling: Pooling
    seed: int
    percent: int

    @property
    def percents(self) -> tuple[int, ...]:
        """The percentages of uptraining at which the loss is evaluated, 0 among them."""
        return tuple(percent for percent in PERCENTS if percent <= self.percent)

    @property
    def specs(self) -> list[QualitySpec]:
        """One spec per number of K/V heads, MHA included."""
        training_config = TrainingConfig()
        return quality_specs(
            starts=[self.pooling],
            n_kv_heads=divisors(training_config.n_heads),
            seeds=[self.seed],
            percents=self.percents,
            training_config=training_config,
        )

    @property
    def estimate_s(self) -> float:
        """About the seconds that a run takes if nothing of it is in the log yet."""
        n_steps = sum(spec.n_steps(max(spec.percents)) for spec in self.specs)
        return SECONDS_TO_START + SECONDS_PER_TRAINING_STEP * n_steps

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that measure this."""
        flags: dict[str, Flag] = {
            "start": self.pooling,
            "n-kv-heads": tuple(spec.n_kv_heads for spec in self.specs),
            "percent": self.percents,
            "seed": self.seed,
        }
        return ("quality", *to_flags(flags))


def to_flags(flags: Mapping[str, Flag]) -> list[str]:
    """Flags as a user types them; several numbers are separated by commas."""
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in flags.items()
    }
    return [part for name, text in texts.items() for part in (f"--{name}", text)]
