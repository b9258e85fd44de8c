"""CPU time that other processes take while this one and its children measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import psutil

__all__ = ["CpuWatch", "read_cpu_s"]


class CpuWatch:
    """Tells how many cores other processes used since it was last asked."""

    def __init__(
        self,
        read: Callable[[], tuple[float, float]] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read or read_cpu_s
        self._now = now
        self._last = self._state()

    def other_cores(self) -> float:
        """Cores that others kept busy since the last call, or since the start; at least 0.

        Work that the hypervisor gave the processor to counts too.
        """
        before, self._last = self._last, self._state()
        wall_s, busy_s, own_s = (
            after - start for start, after in zip(before, self._last, strict=True)
        )
        return max(busy_s - own_s, 0.0) / wall_s if wall_s > 0 else 0.0

    def _state(self) -> tuple[float, float, float]:
        return (self._now(), *self._read())


def read_cpu_s() -> tuple[float, float]:
    """Seconds that all cores were busy, and of them those of this process and its children.

    Time that a hypervisor took away counts as busy.
    """
    total = psutil.cpu_times()
    waiting = total.idle + getattr(total, "iowait", 0.0) + getattr(total, "guest", 0.0)
    busy_s = sum(total) - waiting - getattr(total, "guest_nice", 0.0)
    process = psutil.Process()
    own_s = 0.0
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            own_s += sum(member.cpu_times()[:4])  # its own, and those of its ended children
    return busy_s, own_s
