"""Training that can be killed: what step n does depends on the seed and n, and on nothing else.

A batch is drawn from a generator seeded by seed and step, so no state of chance must be kept; the
weights and the optimiser's averages are written every so often, and a run that finds them goes on
from there and ends where an unbroken one does.
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

BETAS, WEIGHT_DECAY, MAX_NORM = (0.9, 0.95), 0.1, 1.0
SAVE_EVERY = 100  # steps
EVALUATED_AT_ONCE = 64
STEP_STRIDE = 1_000_003  # batches of one seed are never those of another

Heard = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long a training is, and at which learning rate each step goes."""

    n_steps: int
    warmup: int
    lr: float
    cools: bool

    @classmethod
    def training(cls, training_config: TrainingConfig) -> Schedule:
        """From scratch: warm up, then cool down to a tenth along a cosine."""
        return cls(
            n_steps=training_config.n_steps,
            warmup=training_config.warmup,
            lr=training_config.lr,
            cools=True,
        )

    @classmethod
    def uptraining(cls, training_config: TrainingConfig, n_steps: int) -> Schedule:
        """After a conversion: a constant rate, so that a short run is the start of a longer one."""
        return cls(n_steps=n_steps, warmup=0, lr=training_config.uptrain_lr, cools=False)

    def at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        if not self.cools:
            return self.lr
        done = (step - self.warmup) / max(1, self.n_steps - self.warmup)
        return self.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def train(
    model: LanguageModel,
    text: bytes,
    schedule: Schedule,
    *,
    seed: int,
    look_at: Sequence[int] = (),
    look: Callable[[LanguageModel], float] = lambda model: 0.0,
    state: Path | None = None,
    heard: Heard = lambda step: None,
) -> list[float]:
    """Train the model in place; what `look` says of it after each number of steps in `look_at`.

    `heard` is called with each number of steps done. With `state` the run is written there every
    SAVE_EVERY steps, found there again, and gone at the end.
    """
    data = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.lr, betas=BETAS, weight_decay=WEIGHT_DECAY
    )
    done, seen = _restore(model, optimizer, state)
    if done == 0 and 0 in look_at:
        seen = [look(model)]
    for step in range(done, schedule.n_steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.at(step)
        loss = _loss(model, batch_of(data, model.training_config, seed, step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        if step + 1 in look_at:
            seen.append(look(model))
        if state and (step + 1) % SAVE_EVERY == 0:
            _save(model, optimizer, state, step + 1, seen)
        heard(step + 1)
    if state:
        state.unlink(missing_ok=True)
    return seen


def batch_of(data: Tensor, training_config: TrainingConfig, seed: int, step: int) -> Tensor:
    """The windows (b, context_len + 1) that a step is taken on."""
    generator = torch.Generator().manual_seed(seed * STEP_STRIDE + step)
    starts = torch.randint(
        len(data) - training_config.context_len, (training_config.batch_size,), generator=generator
    )
    return data[starts[:, None] + torch.arange(training_config.context_len + 1)].long()


@torch.inference_mode()
def held_out_loss(model: LanguageModel, text: bytes) -> float:
    """Mean loss of the next byte, in nats, over all whole windows of a text.

    Raises:
        ValueError: the text is shorter than a window.
    """
    width = model.training_config.context_len + 1
    n_windows = len(text) // width
    if not n_windows:
        raise ValueError(f"text must have at least {width} bytes: got {len(text)}")
    data = torch.frombuffer(bytearray(text[: n_windows * width]), dtype=torch.uint8)
    total = 0.0
    for windows in data.view(n_windows, width).long().split(EVALUATED_AT_ONCE):
        total += _loss(model, windows).item() * len(windows)
    return total / n_windows


def _loss(model: LanguageModel, windows: Tensor) -> Tensor:
    logits = model(windows[:, :-1])
    return cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def _save(
    model: LanguageModel,
    optimizer: torch.optim.Optimizer,
    path: Path,
    n_steps: int,
    seen: Sequence[float],
) -> None:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    names = [name for name, _ in model.named_parameters()]
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"{key}.{names[index]}": value for key, value in state.items()}
    write_tensors(path, tensors, {"n_steps": str(n_steps), "seen": json.dumps(list(seen))})


def _restore(
    model: LanguageModel, optimizer: torch.optim.Optimizer, path: Path | None
) -> tuple[int, list[float]]:
    """Steps done and what was seen until then, with model and optimiser as they were; 0 if none."""
    if path is None or not path.exists():
        return 0, []
    tensors, said = read_tensors(path)
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
    return int(said["n_steps"]), json.loads(said["seen"])
