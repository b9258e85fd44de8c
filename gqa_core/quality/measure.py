"""Train or convert a model as a spec asks, and evaluate its validation loss along the way."""

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
from gqa_core.quality.convert import pool_kv_heads
from gqa_core.quality.model import LanguageModel
from gqa_core.quality.pretrained import load_pretrained, training_record
from gqa_core.quality.train import Schedule, train, validation_loss
from gqa_core.records.kinds.quality import QualityMeasurement
from gqa_core.records.specs.quality import SCRATCH, QualitySpec

__all__ = ["measure_quality"]


def measure_quality(spec: QualitySpec, device_name: str = "auto") -> QualityMeasurement:
    """Losses in nats per byte, steps, seconds of training.

    Runs on the CPU whatever device is asked for: a model this small is no faster elsewhere, and the
    same seed gives the same losses. An interrupted measurement resumes; its seconds are then those
    since it resumed.

    Raises:
        ValueError: the pretrained checkpoint cannot be read, or has another training_config.
    """
    torch.manual_seed(spec.seed)
    corpus = python_topics()
    model, checkpoint = _initial_model(spec)
    steps = [spec.n_steps(percent) for percent in spec.percents]
    start = time.perf_counter()
    losses = train(
        model,
        corpus.train,
        _schedule(spec, max(steps)),
        seed=spec.seed + 1,
        eval_steps=steps,
        evaluate=lambda trained: validation_loss(trained, corpus.validation),
        state=_state_path(spec, corpus.sha256, checkpoint),
    )
    seconds = time.perf_counter() - start
    return QualityMeasurement(
        torch_version=str(torch.__version__),
        device=describe(torch.device("cpu")),
        python_version=platform.python_version(),
        corpus_sha256=corpus.sha256,
        checkpoint_sha256=checkpoint,
        n_params=model.n_params,
        n_steps=tuple(steps),
        losses=tuple(losses),
        train_s=seconds,
    )


def _initial_model(spec: QualitySpec) -> tuple[LanguageModel, str | None]:
    """The model before its first step, and the SHA-256 of the weights it was converted from."""
    if spec.start == SCRATCH:
        return LanguageModel(spec.training_config, spec.n_kv_heads), None
    pretrained = load_pretrained()
    if pretrained.training_config != spec.training_config:
        raise ValueError(
            "training_config must be the pretrained model's for a conversion: got another one"
        )
    checkpoint = training_record().weights_sha256
    return pool_kv_heads(pretrained, spec.n_kv_heads, spec.start, seed=spec.seed), checkpoint


def _schedule(spec: QualitySpec, n_steps: int) -> Schedule:
    if spec.start == SCRATCH:
        return Schedule.training(spec.training_config)
    return Schedule.uptraining(spec.training_config, n_steps)


def _state_path(spec: QualitySpec, corpus_sha256: str, checkpoint_sha256: str | None) -> Path:
    """The file with the state of an interrupted run, named by all that its losses depend on."""
    key = [spec.identity, list(spec.percents), corpus_sha256, checkpoint_sha256]
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("gqa-lab", appauthor=False)) / "training"
    return folder / f"{name}.safetensors"
