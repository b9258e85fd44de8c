"""One question about quality: with so many K/V heads, come by this way, how well does it predict?

`start` is how a model comes to its K/V heads: `scratch`, trained with them for all steps, or a
pooling of the shipped MHA's heads, uptrained. Losses are taken at each percent of the training's
steps, 0 being the model before any. Free of torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from gqa_core.configs import validate_int
from gqa_core.records.record import Kind, Point, Record
from gqa_core.records.specs.decode import CacheSpec
from gqa_core.records.specs.training import MAX_SEED, TrainingConfig

SCRATCH: Literal["scratch"] = "scratch"
Start = Literal["mean", "first", "random", "scratch"]
STARTS: tuple[Start, ...] = get_args(Start)
TORCH_BYTES = 2**29  # a process that trains, about


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySpec:
    """A model with `n_kv_heads` K/V heads, and when its held-out loss is taken.

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
        """None: a model that learns attends over no cache."""
        return ()

    @property
    def formula_bytes(self) -> int:
        """Bytes the formula gives for the cache of one sequence."""
        return self.training_config.cache_bytes(self.n_kv_heads)

    @property
    def required_bytes(self) -> int:
        """Bytes this takes while it runs, about."""
        return TORCH_BYTES

    def n_steps(self, percent: int) -> int:
        """Steps that a percent of the training's is."""
        return self.training_config.uptrain_steps(percent)

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal in a record for it to be the answer to this."""
        return {
            "start": self.start,
            "n_kv_heads": self.n_kv_heads,
            "seed": self.seed,
            "training_config": self.training_config.numbers,
        }

    def is_answered_by(self, record: Mapping[str, Any], corpus_sha256: str) -> bool:
        """Whether a record holds these losses on this text."""
        same = all(record.get(name) == value for name, value in self.identity.items())
        taken = set(record.get("percents", ()))
        return same and record["corpus_sha256"] == corpus_sha256 and taken >= set(self.percents)

    def __str__(self) -> str:
        heads = f"{self.n_kv_heads} of {self.training_config.n_heads} K/V heads"
        how = "from scratch" if self.start == SCRATCH else f"by {self.start}"
        return f"{heads} {how}, seed {self.seed}"


def _keep(point: QualitySpec, measured: Mapping[str, Any]) -> Record:
    names = ("corpus_sha256", "checkpoint_sha256", "python_version", "n_params")
    return {
        **point.identity,
        "percents": list(point.percents),
        "cache_bytes": point.formula_bytes,
        **{name: measured[name] for name in names},
        **{name: measured[name] for name in ("n_steps", "losses", "train_s")},
        "warnings": [],
    }


QUALITY = Kind("quality", "gqa_core.quality.measure", "measure_quality", _keep, "training")


def quality_specs(
    *,
    starts: Sequence[Start],
    n_kv_heads: Sequence[int],
    seeds: Sequence[int],
    percents: Sequence[int],
    training_config: TrainingConfig,
) -> list[QualitySpec]:
    """Every start with every number of K/V heads and every seed; from scratch for all steps.

    MHA is converted to itself, and so comes once a seed, under the first pooling named.

    Raises:
        ValueError: as `QualitySpec`.
    """
    points = [
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
        point
        for point in points
        if point.start in (SCRATCH, *poolings[:1]) or point.n_kv_heads < training_config.n_heads
    ]


def tasks_left(
    points: Sequence[QualitySpec], records: Sequence[Record], corpus_sha256: str
) -> list[tuple[Kind, Point]]:
    """The points that no record answers yet: a run that was killed goes on with these."""
    return [
        (QUALITY, point)
        for point in points
        if not any(point.is_answered_by(record, corpus_sha256) for record in records)
    ]
