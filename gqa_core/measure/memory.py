"""Resident, peak and available memory of this process.

The peak of a process only ever rises. Linux can reset it to the resident memory, so that a peak
belongs to what came after; elsewhere it covers the process's whole life, and a record warns of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from gqa_core.limits.available import available_bytes

__all__ = ["available_bytes", "peak_bytes", "reset_peak", "resident_bytes"]


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
