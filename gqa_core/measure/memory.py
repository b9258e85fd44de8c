"""What memory this process holds, held at its worst, and could still get; free of torch.

The peak of a process only ever rises. Linux can set it back to what is held now, so that a peak
belongs to what came after; elsewhere it covers the process's whole life, and a record says so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

CGROUP_FILES = (  # limit, use: version 2, then version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
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
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def available_bytes(cgroup_files: tuple[tuple[str, str], ...] = CGROUP_FILES) -> int:
    """Bytes that could be taken without swapping: the machine's, or a container's if fewer."""
    available = psutil.virtual_memory().available
    for limit, used in cgroup_files:
        try:
            room = int(Path(limit).read_text()) - int(Path(used).read_text())
        except (OSError, ValueError):  # no such group, or "max": no limit
            continue
        available = min(available, max(room, 0))
    return available
