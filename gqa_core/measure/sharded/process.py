"""One process of a run of several ranks: its device, its groups, and what all exchange untimed.

Timed collectives run on the device's own backend, gloo on a CPU and NCCL on CUDA; what ranks tell
each other between passes goes through gloo on either.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from gqa_core import units
from gqa_core.engine.sharded.collectives import RankGroups
from gqa_core.limits.settings import limits
from gqa_core.measure.device import free_bytes, use_device
from gqa_core.measure.sharded.agreement import Intent, agree
from gqa_core.measure.sharded.environment import RankEnvironment
from gqa_core.measure.sharded.watch import RankWatch
from gqa_core.records.kinds.sharded_places import BACKENDS
from gqa_core.records.specs.sharded import ShardedSpec
from gqa_core.server_watch import is_visitor_run

__all__ = ["TIMEOUT_S", "RankProcess"]

TIMEOUT_S = 60.0  # of a collective, in which the others wait for the slowest rank
POLL_S = 0.1

T = TypeVar("T")


class RankProcess:
    """This process as a rank that has joined all others, which are watched from here on.

    The points are split alike. `report` gets the sentence that names a rank, if one dies, hangs or
    fails.

    A rank that has a `problem`, no such device or too little memory says so to the others, and
    none begins.

    Raises:
        ValueError: a rank has a problem.
        DisagreementError: a rank does not join, or would do something else.
    """

    def __init__(
        self,
        environment: RankEnvironment,
        device_name: str,
        points: Sequence[ShardedSpec],
        report: Callable[[str], None],
        problem: str | None = None,
    ) -> None:
        self.environment = environment
        set_rank_threads(environment)
        try:
            self.device = _rank_device(device_name, environment)
            _validate_memory(points, self.device, environment)
        except ValueError as error:
            self.device, problem = torch.device("cpu"), problem or str(error)
        self.backend = BACKENDS[self.device.type]
        timeout = timedelta(seconds=TIMEOUT_S)
        self._store, _, _ = next(iter(rendezvous("env://", timeout=timeout)))
        intent = Intent.own(self.backend, points, environment, problem)
        intents = agree(self._store, environment, intent)
        self._nodes = sorted({intent.node for intent in intents})
        self.watch = RankWatch(self._store.clone(), environment, intents, report)
        self.watch.start()
        dist.init_process_group(
            self.backend,
            store=dist.PrefixStore("groups", self._store),
            rank=environment.rank,
            world_size=environment.world_size,
            timeout=timeout,
            device_id=self.device if self.device.type == "cuda" else None,
        )
        self._control = dist.new_group(backend="gloo", timeout=timeout)
        self.groups = RankGroups(environment.rank, points[0].tp, points[0].dcp)

    @property
    def rank(self) -> int:
        """The number of this rank."""
        return self.environment.rank

    def exchange(self, seconds: float) -> list[float]:
        """The number that each rank brings, in the order of the ranks."""
        parts = torch.empty(self.environment.world_size, dtype=torch.float64)
        own = torch.tensor([seconds], dtype=torch.float64)
        dist.all_gather_single(parts, own, group=self._control)
        self.watch.note_exchange()
        return parts.tolist()

    def exchange_objects(self, own: T) -> list[T]:
        """The object that each rank brings, in the order of the ranks."""
        parts: list[T | None] = [None] * self.environment.world_size
        dist.all_gather_object(parts, own, group=self._control)
        self.watch.note_exchange()
        return [part for part in parts if part is not None]

    def wait_for_all(self) -> None:
        """Return when every rank has come here."""
        dist.barrier(group=self._control)
        self.watch.note_exchange()

    def first_on_node(self, name: str, call: Callable[[], object]) -> None:
        """Call on the first rank of each machine; the others wait for theirs, however long.

        What it raises is raised on that rank alone.
        """
        key = f"done/{name}/{self.environment.node}"
        if self.environment.local_rank == 0:
            call()
            self._store.set(key, "")
        while not self._store.check([key]):
            time.sleep(POLL_S)

    def wait_for_nodes(self, name: str) -> None:
        """Return when the first ranks of all machines have done this, however long it takes."""
        keys = [f"done/{name}/{node}" for node in self._nodes]
        while not self._store.check(keys):
            time.sleep(POLL_S)
        self.wait_for_all()

    def leave(self) -> None:
        """Leave the groups, when every rank is done."""
        self.wait_for_all()
        self.watch.finish()
        dist.destroy_process_group()


def _validate_memory(
    points: Sequence[ShardedSpec], device: torch.device, environment: RankEnvironment
) -> None:
    """Raise ValueError unless each point fits, on a CPU beside those of its other ranks."""
    n_sharing = environment.local_world_size if device.type == "cpu" else 1
    free = free_bytes(device)
    for spec in points:
        if n_sharing * spec.required_bytes > free:
            raise ValueError(
                f"memory must hold {spec}: {units.count(n_sharing, 'rank')} here take "
                f"{units.capacity(n_sharing * spec.required_bytes)} and {units.capacity(free)} "
                "are free"
            )


def set_rank_threads(environment: RankEnvironment) -> None:
    """Give each rank of a machine its share of the cores; torchrun would leave it one.

    A visitor's run shares no more than GQA_THREADS.
    """
    n_threads = os.cpu_count() or 1
    if is_visitor_run() and limits().threads:
        n_threads = min(n_threads, limits().threads)
    torch.set_num_threads(max(1, n_threads // environment.local_world_size))


def _rank_device(name: str, environment: RankEnvironment) -> torch.device:
    """The device of a rank, made the current one: on CUDA the GPU of its number on the machine.

    Raises:
        ValueError: as `use_device`, the device has no collectives, or it is one for all ranks.
    """
    device = use_device(name)
    if device.type not in BACKENDS:
        raise ValueError(f"device must be cpu or cuda where ranks share a step: got {device}")
    if device.type == "cpu":
        return device
    if device.index is not None and environment.local_world_size > 1:
        raise ValueError(f"device must be cuda, of which each rank takes its own: got {name!r}")
    return use_device(f"cuda:{environment.local_rank}" if device.index is None else name)
