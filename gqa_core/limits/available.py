"""Memory that this machine, or the container around this process, has free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

__all__ = ["available_bytes"]

CGROUP_FOLDERS = (  # version 2, then version 1: folder, limit, use
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def available_bytes(cgroups: Sequence[tuple[str, str, str]] = CGROUP_FOLDERS) -> int:
    """Bytes that can be allocated without swapping: the machine's, or a container's if fewer.

    Files that a container has read count as its use until memory is short; those not read lately
    (`inactive_file`) are counted as free.
    """
    available = psutil.virtual_memory().available
    for folder, limit, used in cgroups:
        try:
            free = int(Path(folder, limit).read_text()) - int(Path(folder, used).read_text())
            lines = Path(folder, "memory.stat").read_text().splitlines()
        except (OSError, ValueError):  # no such group, or "max": no limit
            continue
        statistics = dict(line.split() for line in lines)
        free += int(statistics.get("inactive_file", 0))
        available = min(available, max(free, 0))
    return available
