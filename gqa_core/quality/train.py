"""Training that can be interrupted: step n depends on the seed and on n, and on nothing else.

Each batch is drawn from a generator seeded by seed and step, so no generator state needs saving.
The weights and the optimiser's state are written at regular steps; a run that finds them resumes
there and ends with the same weights as an uninterrupted one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gqa_core.quality.checkpoint import read_tensors, write_tensors
from gqa_core.quality.model import LanguageModel
from gqa_core.records.specs.training import TrainingConfig

__all__ = ["Schedule", "draw_batch", "train", "validation_loss"]

BETAS, WEIGHT_DECAY, MAX_GRAD_NORM = (0.9, 0.95), 0.1, 1.0
FINAL_LR_RATIO = 0.1  # of a cosine schedule
SAVE_EVERY = 100  # steps
EVALUATION_BATCH = 64  # windows
STEP_STRIDE = 1_000_003  # more than the steps of any training, so seeds share no batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The number of steps, and the learning rate of each: linear warm-up, then constant or cosine.

    With `cosine_decay` the rate falls along a cosine to a tenth of `lr` at the last step.
    """

    n_steps: int
    warmup: int
    lr: float
    cosine_decay: bool

    @classmethod
    def training(cls, config: TrainingConfig) -> Schedule:
        """Training from scratch: warm-up, then cosine decay."""
        return cls(n_steps=config.n_steps, warmup=config.warmup, lr=config.lr, cosine_decay=True)

    @classmethod
    def uptraining(cls, config: TrainingConfig, n_steps: int) -> Schedule:
        """Training after a conversion: a constant rate, so a short run begins a longer one."""
        return cls(n_steps=n_steps, warmup=0, lr=config.uptrain_lr, cosine_decay=False)

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        if not self.cosine_decay:
            return self.lr
        progress = (step - self.warmup) / max(1, self.n_steps - self.warmup)
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        return self.lr * (FINAL_LR_RATIO + (1 - FINAL_LR_RATIO) * cosine)


def train(
    model: LanguageModel,
    text: bytes,
    schedule: Schedule,
    *,
    seed: int,
    eval_steps: Sequence[int] = (),
    evaluate: Callable[[LanguageModel], float] = lambda model: 0.0,
    state: Path | None = None,
    on_step: Callable[[int], None] = lambda step: None,
) -> list[float]:
    """Train in place; returns `evaluate(model)` after each step count in `eval_steps`.

    `on_step` is called after every step with the number of steps so far. With `state`, a file, the
    run is saved there every SAVE_EVERY steps and resumed from there; the file is removed at the
    end.
    """
    data = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.lr, betas=BETAS, weight_decay=WEIGHT_DECAY
    )
    n_steps_before, losses = _restore(model, optimizer, state)
    if n_steps_before == 0 and 0 in eval_steps:
        losses = [evaluate(model)]
    for step in range(n_steps_before, schedule.n_steps):
        batch = draw_batch(data, model.training_config, seed, step)
        _take_step(model, optimizer, batch, schedule.learning_rate(step))
        if step + 1 in eval_steps:
            losses.append(evaluate(model))
        if state and (step + 1) % SAVE_EVERY == 0:
            _save(model, optimizer, state, step + 1, losses)
        on_step(step + 1)
    if state:
        state.unlink(missing_ok=True)
    return losses


def draw_batch(data: Tensor, config: TrainingConfig, seed: int, step: int) -> Tensor:
    """Windows (batch_size, context_len + 1) of one step: inputs and, shifted by one, targets."""
    generator = torch.Generator().manual_seed(seed * STEP_STRIDE + step)
    starts = torch.randint(
        len(data) - config.context_len, (config.batch_size,), generator=generator
    )
    return data[starts[:, None] + torch.arange(config.context_len + 1)].long()


@torch.inference_mode()
def validation_loss(model: LanguageModel, text: bytes) -> float:
    """Mean cross-entropy of the next byte, in nats, over all whole windows of a text.

    Raises:
        ValueError: the text is shorter than a window.
    """
    width = model.training_config.context_len + 1
    n_windows = len(text) // width
    if not n_windows:
        raise ValueError(f"text must have at least {width} bytes: got {len(text)}")
    data = torch.frombuffer(bytearray(text[: n_windows * width]), dtype=torch.uint8)
    total = 0.0
    for windows in data.view(n_windows, width).long().split(EVALUATION_BATCH):
        total += _loss(model, windows).item() * len(windows)
    return total / n_windows


def _take_step(
    model: LanguageModel, optimizer: torch.optim.Optimizer, batch: Tensor, learning_rate: float
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    loss = _loss(model, batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
    optimizer.step()


def _loss(model: LanguageModel, windows: Tensor) -> Tensor:
    logits = model(windows[:, :-1])
    return cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def _save(
    model: LanguageModel,
    optimizer: torch.optim.Optimizer,
    path: Path,
    n_steps: int,
    losses: Sequence[float],
) -> None:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    names = [name for name, _ in model.named_parameters()]
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"{key}.{names[index]}": value for key, value in state.items()}
    write_tensors(path, tensors, {"n_steps": str(n_steps), "losses": json.dumps(list(losses))})


def _restore(
    model: LanguageModel, optimizer: torch.optim.Optimizer, path: Path | None
) -> tuple[int, list[float]]:
    """Number of steps so far and their losses, after loading the state; (0, []) without a file."""
    if path is None or not path.exists():
        return 0, []
    tensors, metadata = read_tensors(path)
    model.load_state_dict(
        {
            name.removeprefix("model."): value
            for name, value in tensors.items()
            if name.startswith("model.")
        }
    )
    names = [name for name, _ in model.named_parameters()]
    state = {
        index: {key: tensors[f"{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
        for index, name in enumerate(names)
    }
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return int(metadata["n_steps"]), json.loads(metadata["losses"])
