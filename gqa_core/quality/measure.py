"""A model trained or converted as a point asks, and its held-out loss at each percent of steps."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from pathlib import Path

import platformdirs
import torch

from gqa_core.catalog.corpus import python_topics
from gqa_core.measure.device import describe
from gqa_core.quality.convert import share_heads
from gqa_core.quality.model import LanguageModel
from gqa_core.quality.pretrained import load_pretrained, training_record
from gqa_core.quality.train import Schedule, held_out_loss, train
from gqa_core.records.specs.quality import SCRATCH, QualitySpec


def measure_quality(point: QualitySpec, device_asked: str = "auto") -> dict[str, object]:
    """The measured part of a record: losses in nats by percent, steps, seconds of training.

    It runs on the CPU whatever device is asked for: so small a model is no faster elsewhere, and
    the same seed gives the same losses. A point that was killed goes on where its state was kept;
    its seconds are then those of the rest.

    Raises:
        ValueError: the shipped checkpoint cannot be read, or is of another training_config.
    """
    torch.manual_seed(point.seed)
    corpus = python_topics()
    model, checkpoint = _started(point)
    steps = [point.n_steps(percent) for percent in point.percents]
    start = time.perf_counter()
    losses = train(
        model,
        corpus.train,
        _schedule(point, max(steps)),
        seed=point.seed + 1,
        look_at=steps,
        look=lambda trained: held_out_loss(trained, corpus.validation),
        state=_state_path(point, corpus.sha256, checkpoint),
    )
    seconds = time.perf_counter() - start
    return {
        "torch_version": torch.__version__,
        "device": describe(torch.device("cpu")),
        "python_version": platform.python_version(),
        "corpus_sha256": corpus.sha256,
        "checkpoint_sha256": checkpoint,
        "n_params": model.n_params,
        "n_steps": steps,
        "losses": losses,
        "train_s": seconds,
    }


def _started(point: QualitySpec) -> tuple[LanguageModel, str | None]:
    """The model before any step of this point, and the hash of the weights it came from."""
    if point.start == SCRATCH:
        return LanguageModel(point.training_config, point.n_kv_heads), None
    shipped = load_pretrained()
    if shipped.training_config != point.training_config:
        raise ValueError(
            "training_config must be the shipped checkpoint's for a conversion: got another one"
        )
    checkpoint = training_record()["weights_sha256"]
    return share_heads(shipped, point.n_kv_heads, point.start, seed=point.seed), checkpoint


def _schedule(point: QualitySpec, n_steps: int) -> Schedule:
    if point.start == SCRATCH:
        return Schedule.training(point.training_config)
    return Schedule.uptraining(point.training_config, n_steps)


def _state_path(point: QualitySpec, corpus_sha256: str, checkpoint_sha256: str | None) -> Path:
    """Where a killed point left its state, named after all that its losses depend on."""
    hashes = [corpus_sha256, checkpoint_sha256]
    told = json.dumps([point.identity, list(point.percents), *hashes], sort_keys=True)
    name = hashlib.sha256(told.encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("gqa-lab", appauthor=False)) / "training"
    return folder / f"{name}.safetensors"
