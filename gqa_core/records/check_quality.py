"""Check that a quality record holds together: steps, bytes and parameters by its configuration.

Free of torch.
"""

from __future__ import annotations

import dataclasses
import re

from gqa_core.records import checks
from gqa_core.records.record import Record
from gqa_core.records.specs.quality import SCRATCH, QualitySpec
from gqa_core.records.specs.training import TrainingConfig

FIELDS = (
    "start",
    "n_kv_heads",
    "seed",
    "training_config",
    "percents",
    "cache_bytes",
    "corpus_sha256",
    "checkpoint_sha256",
    "python_version",
    "n_params",
    "n_steps",
    "losses",
    "train_s",
    "warnings",
)
SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_LOSS = 1e3  # nats a byte: one that guesses has ln 256 = 5.5
RATES = ("lr", "uptrain_lr")
MIN_RATE, MAX_RATE = 1e-12, 1e3
PERCENTS = range(1, 102)  # how many there can be


def check_quality(record: Record) -> None:
    """Nothing, if the fields of kind quality could be a training's.

    Raises:
        ValueError: one could not; names it, the rule and what came.
    """
    point = QualitySpec(
        start=checks.text("start", record["start"]),
        n_kv_heads=record["n_kv_heads"],
        seed=record["seed"],
        percents=tuple(checks.require_list("percents", record["percents"], "percents", PERCENTS)),
        training_config=_training_config(record["training_config"]),
    )
    checks.require_equal("cache_bytes", record["cache_bytes"], point.formula_bytes)
    checks.require_equal(
        "n_params", record["n_params"], point.training_config.n_params(point.n_kv_heads)
    )
    steps = [point.n_steps(percent) for percent in point.percents]
    checks.require_equal("n_steps", record["n_steps"], steps)
    losses = checks.require_list("losses", record["losses"], "losses", [len(steps)])
    for loss in losses:
        checks.require_number("losses", loss, 0, MAX_LOSS)
    checks.require_number("train_s", record["train_s"], 0, checks.MAX_S)
    _require_sha256("corpus_sha256", record["corpus_sha256"])
    if point.start == SCRATCH:
        checks.require_equal("checkpoint_sha256", record["checkpoint_sha256"], None)
    else:
        _require_sha256("checkpoint_sha256", record["checkpoint_sha256"])
    checks.require_text("python_version", record["python_version"], 40)
    checks.require_warnings(record["warnings"])


def _training_config(value: object) -> TrainingConfig:
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    given = checks.require_fields("training_config", value, names)
    for name in RATES:
        checks.require_number(f"training_config.{name}", given[name], MIN_RATE, MAX_RATE)
    return TrainingConfig(**given)


def _require_sha256(name: str, value: object) -> None:
    if not isinstance(value, str) or not SHA256.fullmatch(value):
        raise ValueError(f"{name} must be a SHA-256 in hexadecimal: got {checks.shown(value)}")
