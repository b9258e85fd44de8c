"""numba's threads beside torch's: the same number, and torch's own number left as it was.

Where numba starts its threads through OpenMP, it sets OpenMP's number of threads to all cores, and
torch reads the same setting: a program that had set torch to one thread would run on all of them.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numba
import torch

config: Any = numba.config  # its settings are added at run time
MAX_THREADS: int = config.NUMBA_NUM_THREADS  # as many as cores, unless the environment sets it

_current = threading.local()  # numba keeps a number of threads per calling thread


@cache
def start_pool() -> None:
    """Start numba's threads, once per process, and restore torch's number of threads."""
    n_threads = torch.get_num_threads()
    sync_num_threads()
    torch.set_num_threads(n_threads)


def sync_num_threads() -> int:
    """Make numba use torch's number of threads (at most its own pool) and return it."""
    n_threads = min(torch.get_num_threads(), MAX_THREADS)
    if getattr(_current, "n_threads", None) != n_threads:
        numba.set_num_threads(n_threads)
        _current.n_threads = n_threads
    return n_threads
