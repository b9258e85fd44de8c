"""Ranks agree before anything is measured: the same code, torch, backend and points on all.

Every rank puts what it is about to do into the store of the run and reads that of all others, so
that all come to the same answer.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
import torch.distributed as dist
from msgspec import Struct

from gqa_core.measure.sharded.environment import RankEnvironment
from gqa_core.measure.sharded.signals import is_terminated

__all__ = ["DisagreementError", "Intent", "agree", "code_version"]

JOIN_S = 60.0
POLL_S = 0.05


class DisagreementError(RuntimeError):
    """A rank is missing or does something else; the message is one sentence that names it."""


class Intent(Struct, frozen=True, kw_only=True):
    """The run as one rank would make it, and where its process is; `problem` is why it cannot."""

    code: str
    torch: str
    backend: str
    points: tuple[str, ...]
    node: int
    pid: int
    problem: str | None = None

    @classmethod
    def own(
        cls,
        backend: str,
        points: Sequence[object],
        environment: RankEnvironment,
        problem: str | None = None,
    ) -> Intent:
        """That of this process, or the reason why it cannot run."""
        return cls(
            code=code_version(),
            torch=str(torch.__version__),
            backend=backend,
            points=tuple(map(repr, points)),
            node=environment.node,
            pid=os.getpid(),
            problem=problem,
        )


def code_version() -> str:
    """A short hash of the package's own source files."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def agree(
    store: dist.Store, environment: RankEnvironment, own: Intent, join_s: float = JOIN_S
) -> tuple[Intent, ...]:
    """The intents of all ranks, which agree.

    Raises:
        ValueError: a rank cannot run.
        DisagreementError: a rank does not join, or would make another run than rank 0.
    """
    store.set(f"intent/{environment.rank}", msgspec.json.encode(own).decode())
    deadline, parent = time.monotonic() + join_s, os.getppid()
    intents = []
    for rank in range(environment.world_size):
        key = f"intent/{rank}"
        while not store.check([key]):
            if is_terminated() or os.getppid() != parent:
                raise DisagreementError(f"rank {rank} had not joined when the run was ended")
            if time.monotonic() > deadline:
                raise DisagreementError(f"rank {rank} did not join within {join_s:g} s")
            time.sleep(POLL_S)
        intents.append(msgspec.json.decode(store.get(key), type=Intent))
    for rank, intent in enumerate(intents):
        if intent.problem:
            raise ValueError(f"rank {rank}: {intent.problem}" if rank else intent.problem)
    for rank, intent in enumerate(intents):
        _validate_same(rank, intent, intents[0])
    return tuple(intents)


def _validate_same(rank: int, intent: Intent, first: Intent) -> None:
    """Raise DisagreementError unless a rank does what rank 0 does."""
    for name in ("code", "torch", "backend"):
        expected, value = getattr(first, name), getattr(intent, name)
        if value != expected:
            raise DisagreementError(
                f"{name} must be the same on all ranks: got {value} on rank {rank} and {expected} "
                "on rank 0"
            )
    if intent.points != first.points:
        raise DisagreementError(
            f"options must be the same on all ranks: got others on rank {rank} than on rank 0"
        )
