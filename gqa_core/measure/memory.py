"""What memory this process holds, held at its worst, and could still get; free of torch.

The peak of a process only ever rises. Linux can set it back to what is held now, so that a peak
belongs to what came after; elsewhere it covers the process's whole life, and a record says so.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

CGROUP_FOLDERS = (  # version 2, then version 1: folder, limit, use
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def resident_bytes() -> int:
    """Bytes of memory this process holds now (resident set)."""
    return psutil.Process().memory_info().rss


def reset_peak() -> bool:
    """Set this process's peak back to what it holds now; False where the system cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """The most bytes this process held since the last reset, or since it started."""
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
    """Bytes that could be taken without swapping: the machine's, or a container's if fewer.

    Files that a container has read count as its use until somebody needs the room; those not read
    lately (`inactive_file`) are counted as free.
    """
    available = psutil.virtual_memory().available
    for folder, limit, used in cgroups:
        try:
            room = int(Path(folder, limit).read_text()) - int(Path(folder, used).read_text())
            lines = Path(folder, "memory.stat").read_text().splitlines()
        except (OSError, ValueError):  # no such group, or "max": no limit
            continue
        statistics = dict(line.split() for line in lines)
        room += int(statistics.get("inactive_file", 0))
        available = min(available, max(room, 0))
    return available
