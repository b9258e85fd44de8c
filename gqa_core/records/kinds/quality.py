"""A small language model whose heads are shared: its held-out loss after each percent of training.

Losses are in nats per byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gqa_core.records.header import Device, RecordHeader, RunHeader, header_fields
from gqa_core.records.specs.quality import SCRATCH, QualitySpec, Start
from gqa_core.records.specs.training import TrainingConfig
from gqa_core.records.validation import (
    MAX_S,
    validate_count,
    validate_equal,
    validate_number,
    validate_sha256,
    validate_text,
    validate_warnings,
)

__all__ = ["QualityMeasurement", "QualityRecord", "unanswered_specs"]

MAX_LOSS = 1e3  # nats per byte: guessing gives ln 256 = 5.5
MIN_RATE, MAX_RATE = 1e-12, 1e3
PERCENT_COUNTS = range(1, 102)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityMeasurement:
    """The result of training and evaluating a model."""

    torch_version: str
    device: Device
    python_version: str
    corpus_sha256: str
    checkpoint_sha256: str | None
    n_params: int
    n_steps: tuple[int, ...]
    losses: tuple[float, ...]
    train_s: float


class QualityRecord(
    RecordHeader, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="quality"
):
    """One model: how it got its K/V heads, and a loss for each of `percents`.

    `checkpoint_sha256` is the hash of the weights it started from, null when trained from scratch.
    """

    kind = "quality"

    start: Start
    n_kv_heads: int
    seed: int
    training_config: TrainingConfig
    percents: tuple[int, ...]
    cache_bytes: int
    corpus_sha256: str
    checkpoint_sha256: str | None
    python_version: str
    n_params: int
    n_steps: tuple[int, ...]
    losses: tuple[float, ...]
    train_s: float
    warnings: tuple[str, ...]

    @classmethod
    def from_measurement(
        cls, spec: QualitySpec, measurement: QualityMeasurement, run: RunHeader, point: int
    ) -> QualityRecord:
        """The record of a point."""
        return cls(
            **header_fields(run, point, measurement.torch_version, measurement.device),
            start=spec.start,
            n_kv_heads=spec.n_kv_heads,
            seed=spec.seed,
            training_config=spec.training_config,
            percents=spec.percents,
            cache_bytes=spec.formula_bytes,
            corpus_sha256=measurement.corpus_sha256,
            checkpoint_sha256=measurement.checkpoint_sha256,
            python_version=measurement.python_version,
            n_params=measurement.n_params,
            n_steps=measurement.n_steps,
            losses=measurement.losses,
            train_s=measurement.train_s,
            warnings=(),
        )

    @property
    def spec(self) -> QualitySpec:
        """The spec that was measured.

        Raises:
            ValueError: there can be no such spec.
        """
        return QualitySpec(
            start=self.start,
            n_kv_heads=self.n_kv_heads,
            seed=self.seed,
            percents=self.percents,
            training_config=self.training_config,
        )

    def answers(self, spec: QualitySpec, corpus_sha256: str) -> bool:
        """True if the record holds the losses that the spec asks for, on this text."""
        own = self.spec
        return (
            own.identity == spec.identity
            and self.corpus_sha256 == corpus_sha256
            and set(self.percents) >= set(spec.percents)
        )

    @property
    def loss_by_percent(self) -> dict[int, float]:
        """Held-out loss after each percent of the training's steps."""
        return dict(zip(self.percents, self.losses, strict=True))

    def validate(self) -> None:
        """Raise ValueError unless steps, bytes and parameters follow from the training config."""
        RecordHeader.validate(self)
        validate_count("percents", self.percents, PERCENT_COUNTS, "percents")
        for name in ("lr", "uptrain_lr"):
            rate = getattr(self.training_config, name)
            validate_number(f"training_config.{name}", rate, MIN_RATE, MAX_RATE)
        spec = self.spec
        validate_equal("cache_bytes", self.cache_bytes, spec.formula_bytes)
        n_params = self.training_config.n_params(self.n_kv_heads)
        validate_equal("n_params", self.n_params, n_params)
        steps = [spec.n_steps(percent) for percent in spec.percents]
        validate_equal("n_steps", list(self.n_steps), steps)
        validate_count("losses", self.losses, [len(steps)], "losses")
        for loss in self.losses:
            validate_number("losses", loss, 0, MAX_LOSS)
        validate_number("train_s", self.train_s, 0, MAX_S)
        self._validate_sources()
        validate_warnings(self.warnings)

    def _validate_sources(self) -> None:
        validate_sha256("corpus_sha256", self.corpus_sha256)
        if self.start == SCRATCH:
            validate_equal("checkpoint_sha256", self.checkpoint_sha256, None)
        else:
            validate_sha256("checkpoint_sha256", self.checkpoint_sha256)
        validate_text("python_version", self.python_version, 40)


def unanswered_specs(
    specs: Sequence[QualitySpec], records: Sequence[QualityRecord], corpus_sha256: str
) -> list[QualitySpec]:
    """The specs that no record answers yet: a run that was killed continues with these."""
    return [
        spec for spec in specs if not any(record.answers(spec, corpus_sha256) for record in records)
    ]
