"""Train the MHA model that ships, and write its weights and their training record."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch

from gqa_core.catalog.corpus import python_topics
from gqa_core.measure.device import describe
from gqa_core.quality.checkpoint import write_tensors
from gqa_core.quality.model import LanguageModel
from gqa_core.quality.pretrained import RECORD_NAME, WEIGHTS_NAME, TrainingRecord, weights_sha256
from gqa_core.quality.train import Schedule, train, validation_loss
from gqa_core.records.specs.training import TrainingConfig

__all__ = ["train_and_write"]

PROGRESS_EVERY = 50  # steps


def train_and_write(
    folder: str,
    seed: int,
    *,
    on_progress: Callable[[str], None],
    config: TrainingConfig | None = None,
) -> None:
    """Train an MHA model and write it to a folder; an interrupted training resumes there."""
    config, corpus, target = config or TrainingConfig(), python_topics(), Path(folder)

    def report_step(step: int) -> None:
        if step % PROGRESS_EVERY == 0:
            on_progress(f"{step} of {config.n_steps}")

    torch.manual_seed(seed)
    model = LanguageModel(config, config.n_heads)
    start = time.perf_counter()
    (loss,) = train(
        model,
        corpus.train,
        Schedule.training(config),
        seed=seed,
        eval_steps=[config.n_steps],
        evaluate=lambda trained: validation_loss(trained, corpus.validation),
        state=target / "unfinished.safetensors",
        on_step=report_step,
    )
    train_s = time.perf_counter() - start
    write_tensors(target / WEIGHTS_NAME, model.state_dict(), {})
    _write_record(
        target / RECORD_NAME,
        TrainingRecord(
            command=f"python -m gqa_core train --seed {seed} --out {folder}",
            training_config=config,
            seed=seed,
            n_kv_heads=config.n_heads,
            n_params=model.n_params,
            corpus_sha256=corpus.sha256,
            python_version=platform.python_version(),
            torch_version=str(torch.__version__),
            device=describe(torch.device("cpu")),
            train_s=train_s,
            validation_loss=loss,
            weights_sha256=weights_sha256(target / WEIGHTS_NAME),
        ),
    )
    on_progress(f"validation loss {loss:.4f} after {config.n_steps} steps")


def _write_record(path: Path, record: TrainingRecord) -> None:
    text = msgspec.json.format(msgspec.json.encode(record), indent=1)
    path.write_bytes(text + b"\n")
