"""Train the MHA model that ships, and write its weights and their training record."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from gqa_core.catalog.corpus import python_topics
from gqa_core.measure.device import describe
from gqa_core.quality.checkpoint import write_tensors
from gqa_core.quality.model import LanguageModel
from gqa_core.quality.pretrained import RECORD, WEIGHTS, weights_sha256
from gqa_core.quality.train import Schedule, held_out_loss, train
from gqa_core.records.specs.training import TrainingConfig

SAID_EVERY = 50  # steps


def train_and_write(
    folder: str,
    seed: int,
    *,
    say: Callable[[str], None],
    training_config: TrainingConfig | None = None,
) -> None:
    """Train an MHA model and write it to a folder; a killed training resumes where it stopped."""
    training_config, corpus, place = (
        training_config or TrainingConfig(),
        python_topics(),
        Path(folder),
    )
    torch.manual_seed(seed)
    model = LanguageModel(training_config, training_config.n_heads)
    start = time.perf_counter()
    (loss,) = train(
        model,
        corpus.train,
        Schedule.training(training_config),
        seed=seed,
        look_at=[training_config.n_steps],
        look=lambda trained: held_out_loss(trained, corpus.validation),
        state=place / "unfinished.safetensors",
        heard=lambda step: (
            say(f"{step} of {training_config.n_steps}") if step % SAID_EVERY == 0 else None
        ),
    )
    write_tensors(place / WEIGHTS, model.state_dict(), {})
    record = {
        "command": f"python -m gqa_core train --seed {seed} --out {folder}",
        "training_config": training_config.numbers,
        "seed": seed,
        "n_kv_heads": training_config.n_heads,
        "n_params": model.n_params,
        "corpus_sha256": corpus.sha256,
        "python_version": platform.python_version(),
        "torch_version": torch.__version__,
        "device": describe(torch.device("cpu")),
        "train_s": time.perf_counter() - start,
        "held_out_loss": loss,
        "weights_sha256": weights_sha256(place / WEIGHTS),
    }
    (place / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    say(f"held-out loss {loss:.4f} after {training_config.n_steps} steps")
