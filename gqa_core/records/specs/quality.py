"""Spec of a quality measurement: K/V heads, how they were obtained, when the loss is evaluated.

`start` is how a model gets its K/V heads: `scratch`, trained with them for all steps, or a pooling
of the shipped MHA's heads, uptrained. The loss is evaluated after each percent of the training's
steps; 0 is the model before any step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from gqa_core.configs import validate_int
from gqa_core.records.specs.decode import CacheSpec
from gqa_core.records.specs.training import MAX_SEED, TrainingConfig

SCRATCH: Literal["scratch"] = "scratch"
Start = Literal["mean", "first", "random", "scratch"]
STARTS: tuple[Start, ...] = get_args(Start)
TORCH_BYTES = 2**29  # a process that trains, about


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySpec:
    """A model with `n_kv_heads` K/V heads, and when its held-out loss is evaluated.

    Raises:
        ValueError: a start that does not exist, n_kv_heads that do not divide the heads, or
            percents that do not rise from 0 to at most 100.
    """

    start: Start
    n_kv_heads: int
    seed: int = 0
    percents: tuple[int, ...] = (0, 5)
    training_config: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise ValueError(f"start must be one of {', '.join(STARTS)}: got {self.start!r}")
        validate_int("seed", self.seed, MAX_SEED, least=0)
        self.training_config.attention(self.n_kv_heads)
        for percent in self.percents:
            validate_int("percent", percent, 100, least=0)
        if not self.percents or list(self.percents) != sorted(set(self.percents)):
            raise ValueError(f"percent must be numbers that rise: got {list(self.percents)}")

    @property
    def cache_specs(self) -> tuple[CacheSpec, ...]:
        """Empty: a model in training attends over no cache."""
        return ()

    @property
    def formula_bytes(self) -> int:
        """Bytes of the cache of one sequence by the formula."""
        return self.training_config.cache_bytes(self.n_kv_heads)

    @property
    def required_bytes(self) -> int:
        """Bytes it takes while it runs, approximately."""
        return TORCH_BYTES

    def n_steps(self, percent: int) -> int:
        """The number of steps that a percent of the training is."""
        return self.training_config.uptrain_steps(percent)

    @property
    def identity(self) -> dict[str, Any]:
        """The fields that a record of the same model has equal."""
        return {
            "start": self.start,
            "n_kv_heads": self.n_kv_heads,
            "seed": self.seed,
            "training_config": self.training_config.numbers,
        }

    def __str__(self) -> str:
        heads = f"{self.n_kv_heads} of {self.training_config.n_heads} K/V heads"
        start = "from scratch" if self.start == SCRATCH else f"by {self.start}"
        return f"{heads} {start}, seed {self.seed}"


def quality_specs(
    *,
    starts: Sequence[Start],
    n_kv_heads: Sequence[int],
    seeds: Sequence[int],
    percents: Sequence[int],
    training_config: TrainingConfig,
) -> list[QualitySpec]:
    """One spec per start, number of K/V heads and seed; from scratch for all steps.

    Pooling MHA gives the same model for any pooling, so it comes once per seed, under the first.

    Raises:
        ValueError: as `QualitySpec`.
    """
    specs = [
        QualitySpec(
            start=start,
            n_kv_heads=count,
            seed=seed,
            percents=(100,) if start == SCRATCH else tuple(percents),
            training_config=training_config,
        )
        for start in starts
        for count in n_kv_heads
        for seed in seeds
    ]
    poolings = [start for start in starts if start != SCRATCH]
    return [
        spec
        for spec in specs
        if spec.start in (SCRATCH, *poolings[:1]) or spec.n_kv_heads < training_config.n_heads
    ]
