"""Resident, peak and available memory of this process.

The peak of a process only ever rises. Linux can reset it to the resident memory, so that a peak
belongs to what came after; elsewhere it covers the process's whole life, and a record warns of it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

__all__ = ["available_bytes", "peak_bytes", "reset_peak", "resident_bytes"]

CGROUP_FOLDERS = (  # version 2, then version 1: folder, limit, use
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def resident_bytes() -> int:
    """Bytes in the resident set of this process."""
    return psutil.Process().memory_info().rss


def reset_peak() -> bool:
    """Reset this process's peak to its resident memory; False if the system cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """Most bytes resident in this process since the last reset, or since it started."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


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
