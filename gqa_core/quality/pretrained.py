"""The trained MHA model that comes along: its weights, and beside them how they were made.

`python -m gqa_core train` makes both. Free of torch but for the function that loads the weights.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gqa_core.records.specs.training import TrainingConfig

if TYPE_CHECKING:
    from gqa_core.quality.model import LanguageModel

FOLDER = Path(__file__).parent / "pretrained_mha"
WEIGHTS, RECORD = "weights.safetensors", "training.json"


@cache
def training_record(folder: Path = FOLDER) -> dict[str, Any]:
    """The training record of the pretrained model: configuration, seed, text, loss, hash.

    Raises:
        ValueError: the record cannot be read.
    """
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"training record {folder / RECORD} cannot be read: {error}") from None


def pretrained_config(folder: Path = FOLDER) -> TrainingConfig:
    """The training_config the shipped model was trained by."""
    return TrainingConfig(**training_record(folder)["training_config"])


def load_pretrained(folder: Path = FOLDER, *, kernel: str = "sdpa") -> LanguageModel:
    """The shipped model, its weights checked against the record's hash.

    Raises:
        ValueError: the weights cannot be read, or are not those of the record.
    """
    from gqa_core.quality.checkpoint import read_tensors
    from gqa_core.quality.model import LanguageModel

    path, record = folder / WEIGHTS, training_record(folder)
    tensors, _ = read_tensors(path)
    if weights_sha256(path) != record["weights_sha256"]:
        raise ValueError(f"checkpoint {path.name} is not the one its record tells of")
    model = LanguageModel(pretrained_config(folder), record["n_kv_heads"], kernel=kernel)
    model.load_state_dict(tensors)
    return model


def weights_sha256(path: Path) -> str:
    """The hash of a file of weights."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
