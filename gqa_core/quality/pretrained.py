"""The pretrained MHA model that ships with the package, and the record of its training.

`python -m gqa_core train` makes both. Only `load_pretrained` imports torch, so that a command can
read the configuration and refuse a bad argument at once.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gqa_core.records.header import Device
from gqa_core.records.specs.training import TrainingConfig

if TYPE_CHECKING:
    from gqa_core.quality.model import LanguageModel

__all__ = [
    "RECORD_NAME",
    "WEIGHTS_NAME",
    "TrainingRecord",
    "load_pretrained",
    "pretrained_config",
    "training_record",
    "weights_sha256",
]

FOLDER = Path(__file__).parent / "pretrained_mha"
WEIGHTS_NAME, RECORD_NAME = "weights.safetensors", "training.json"


class TrainingRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model and its training: configuration, seed, text, environment, seconds and loss.

    `validation_loss` is in nats per byte; `weights_sha256` is the hash of the weights file.
    """

    command: str
    training_config: TrainingConfig
    seed: int
    n_kv_heads: int
    n_params: int
    corpus_sha256: str
    python_version: str
    torch_version: str
    device: Device
    train_s: float
    validation_loss: float
    weights_sha256: str


@cache
def training_record(folder: Path = FOLDER) -> TrainingRecord:
    """The training record of the pretrained model.

    Raises:
        ValueError: the record is missing, or is not one.
    """
    path = folder / RECORD_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainingRecord)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"training record {path.name} cannot be read: {error}") from None


def pretrained_config(folder: Path = FOLDER) -> TrainingConfig:
    """The configuration that the pretrained model was trained with."""
    return training_record(folder).training_config


def load_pretrained(folder: Path = FOLDER, *, kernel: str = "sdpa") -> LanguageModel:
    """The pretrained model, after comparing its weights with the hash in the training record.

    Raises:
        ValueError: the weights cannot be read, or their hash differs.
    """
    from gqa_core.quality.checkpoint import read_tensors
    from gqa_core.quality.model import LanguageModel

    path, record = folder / WEIGHTS_NAME, training_record(folder)
    tensors, _ = read_tensors(path)
    if weights_sha256(path) != record.weights_sha256:
        raise ValueError(f"checkpoint {path.name} must have the SHA-256 of its training record")
    model = LanguageModel(record.training_config, record.n_kv_heads, kernel=kernel)
    model.load_state_dict(tensors)
    return model


def weights_sha256(path: Path) -> str:
    """The SHA-256 of a weights file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
