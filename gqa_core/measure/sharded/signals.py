"""Signals that end a rank are held back, so that it can say first why the run ends.

torchrun sends SIGTERM to the ranks that are left when one has died, and a terminal sends SIGINT to
all. A thread that waits in a collective would hear of neither before the collective ends.
"""

from __future__ import annotations

import os
import signal
import sys
import time

__all__ = ["hold_signals", "is_interrupted", "is_terminated", "wait_for_end"]

FIRST_RANK_S, POLL_S = 30.0, 0.05
BLOCKED = {signal.SIGTERM, signal.SIGINT}


def hold_signals() -> None:
    """Hold SIGTERM and SIGINT back in this thread and in all that it starts."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)


def is_terminated() -> bool:
    """True if somebody, such as torchrun, wants this process to end."""
    return signal.SIGTERM in _pending()


def is_interrupted() -> bool:
    """True if the user has interrupted the run."""
    return signal.SIGINT in _pending()


def wait_for_end() -> None:
    """Wait until torchrun ends this process, because the first rank here has said why and ended.

    A rank that ended before would have torchrun end the first one, maybe before it could say it.
    Returns if nothing has ended this process for a while: then this rank has failed by itself.
    """
    deadline, parent = time.monotonic() + FIRST_RANK_S, os.getppid()
    while time.monotonic() < deadline:
        if is_terminated() or os.getppid() != parent:
            sys.exit(1)
        time.sleep(POLL_S)


def _pending() -> set[int]:
    return set(signal.sigpending()) if hasattr(signal, "sigpending") else set()
