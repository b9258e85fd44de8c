"""Signals that end a rank are held back, so that it can say first why the run ends.

torchrun sends SIGTERM to the ranks that are left when one has died, and a terminal sends SIGINT to
all. A thread that waits in a collective would hear of neither before the collective ends.
"""

from __future__ import annotations

import signal

__all__ = ["hold_signals", "is_interrupted", "is_terminated"]

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


def _pending() -> set[int]:
    return set(signal.sigpending()) if hasattr(signal, "sigpending") else set()
