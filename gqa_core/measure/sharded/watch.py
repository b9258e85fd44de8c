"""Ranks watch each other: one that dies, hangs or fails ends the run with one sentence.

A collective would wait for a rank that is gone until its own timeout, and torchrun ends the others
without saying why. So a thread of every rank writes a beat into the store of the run, and reads
those of all others. A rank whose process is gone or whose beats have stopped is named; of those who
notice, the first one reports it, and all end. A rank also ends when torchrun is gone.

Signals that end a process are held back (`signals`) and looked for here.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import torch.distributed as dist

from gqa_core.measure.sharded.agreement import Intent
from gqa_core.measure.sharded.environment import RankEnvironment
from gqa_core.measure.sharded.signals import is_interrupted, is_terminated

__all__ = ["EXIT_FAILED", "EXIT_REPORTED", "HANG_S", "RankWatch"]

BEAT_S = 0.25
SILENT_S = 3.0  # of a rank on another machine that is taken for dead, once something has failed
HANG_S = 20.0  # without a beat while nothing else has failed
EXIT_FAILED, EXIT_REPORTED = 1, 70
INTERRUPTED = "interrupted: every finished record is kept"


class RankWatch:
    """The watch of one rank. `report` gets the one sentence that names a rank.

    `store` is a client of its own: one that waits blocks the others that share it.
    """

    def __init__(
        self,
        store: dist.Store,
        environment: RankEnvironment,
        intents: Sequence[Intent],
        report: Callable[[str], None],
    ) -> None:
        self._store, self._environment, self._intents = store, environment, intents
        self._report = report
        self._lock = threading.Lock()
        self._parent = os.getppid()
        self._n_beats = 0
        self._n_exchanges = 0
        now = time.monotonic()
        self._beats = dict.fromkeys(range(environment.world_size), ("", now))
        self._is_over = False

    def note_exchange(self) -> None:
        """Count an exchange of all ranks that this one has come through."""
        self._n_exchanges += 1

    def finish(self) -> None:
        """Stop watching: the run is over, and other ranks may end."""
        with self._lock:
            self._is_over = True

    def start(self) -> None:
        """Watch from here on, in a thread of its own."""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        """Beat, look at the others and at the parent, until the run is over."""
        while True:
            with self._lock:
                if self._is_over:
                    return
                try:
                    self._check()
                except RuntimeError:  # the store is gone, and torchrun with it
                    os._exit(EXIT_FAILED)
            time.sleep(BEAT_S)

    def end(self, error: BaseException) -> NoReturn:
        """End this process after an error in it, with the sentence of the rank that caused it."""
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        is_network = isinstance(error, dist.DistError) or "gloo" in text or "NCCL" in text
        with self._lock:
            if not is_network:
                self._store.set(f"failed/{self._environment.rank}", text)
            sentence = self._find_culprit(2 * SILENT_S) or self._behind()
            self._end(sentence or f"rank {self._environment.rank} failed: {text}")

    def _check(self) -> None:
        if os.getppid() != self._parent:
            os._exit(EXIT_FAILED)
        self._beat()
        if is_interrupted() or is_terminated():
            self._end(self._find_culprit(SILENT_S + 4 * BEAT_S))
        for rank, (_, moment) in self._beats.items():
            if time.monotonic() - moment > HANG_S:
                self._kill(rank)
                self._end(f"{self._describe(rank)} has not answered for {HANG_S:g} s")

    def _beat(self) -> None:
        """Write this rank's beat and read those of all."""
        self._n_beats += 1
        self._store.set(f"beat/{self._environment.rank}", f"{self._n_beats} {self._n_exchanges}")
        now = time.monotonic()
        for rank, (last, _) in self._beats.items():
            key = f"beat/{rank}"
            beat = self._store.get(key).decode() if self._store.check([key]) else ""
            if beat != last:
                self._beats[rank] = beat, now

    def _find_culprit(self, within_s: float) -> str | None:
        """The sentence of the rank that failed, is gone or silent, if there is one."""
        if is_interrupted():
            return INTERRUPTED
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                self._beat()
                if sentence := self._failed() or self._gone() or self._silent():
                    return sentence
            except RuntimeError:
                return None
            time.sleep(BEAT_S)
        return None

    def _failed(self) -> str | None:
        for rank in self._beats:
            if self._store.check([key := f"failed/{rank}"]):
                return f"{self._describe(rank)} failed: {self._store.get(key).decode()}"
        return None

    def _gone(self) -> str | None:
        """A rank of this machine whose process has ended, or is waited for by torchrun."""
        for rank, intent in enumerate(self._intents):
            if intent.node == self._environment.node and _has_ended(intent.pid):
                return f"{self._describe(rank)} ended without a result"
        return None

    def _silent(self) -> str | None:
        now = time.monotonic()
        for rank, (_, moment) in self._beats.items():
            if now - moment > SILENT_S:
                return f"{self._describe(rank)} does not answer"
        return None

    def _behind(self) -> str | None:
        """A rank that beats, and is behind all others."""
        exchanges = {rank: int(beat.split()[1]) for rank, (beat, _) in self._beats.items() if beat}
        least = min(exchanges.values(), default=0)
        late = [rank for rank, count in exchanges.items() if count == least]
        if len(late) == 1 and len(exchanges) > 1 and max(exchanges.values()) > least:
            return f"{self._describe(late[0])} did not come to the next exchange"
        return None

    def _kill(self, rank: int) -> None:
        """Kill a rank of this machine that hangs: it would not hear torchrun's SIGTERM either."""
        intent = self._intents[rank]
        if intent.node == self._environment.node:
            with suppress(OSError):
                os.kill(intent.pid, signal.SIGKILL)

    def _describe(self, rank: int) -> str:
        intent = self._intents[rank]
        place = f" on node {intent.node}" if len({each.node for each in self._intents}) > 1 else ""
        return f"rank {rank} (process {intent.pid}{place})"

    def _end(self, sentence: str | None) -> NoReturn:
        """End this process; the first rank to come here reports the sentence."""
        try:
            is_first = self._store.add("reported", 1) == 1
        except RuntimeError:
            is_first = self._environment.rank == 0
        if sentence is None or not is_first:
            os._exit(EXIT_FAILED)
        self._report(sentence)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_REPORTED)


def _has_ended(pid: int) -> bool:
    """True if no process of this id is left, or one that its parent has yet to ask about."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    try:
        fields = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return fields.rpartition(")")[2].split()[0] == "Z"
