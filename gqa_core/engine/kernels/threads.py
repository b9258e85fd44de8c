"""numba's threads beside torch's: as many as torch has been told, and torch's left as they were.

Where numba starts its threads through OpenMP, it tells OpenMP to use every core from then on, and
torch asks the same OpenMP: whoever told torch to use one thread would find it using all of them.
"""

from __future__ import annotations

import threading
from functools import cache

import torch
from numba import config, set_num_threads

MOST_THREADS = config.NUMBA_NUM_THREADS  # as many as there are cores unless the environment says

_asked = threading.local()  # numba keeps its number of threads for each thread that calls it


@cache
def launch_threads() -> None:
    """Start numba's threads, once a process; torch has as many after it as before."""
    n_threads = torch.get_num_threads()
    agreed_threads()
    torch.set_num_threads(n_threads)


def agreed_threads() -> int:
    """As many threads as torch has been told and numba has; numba is asked when that changes."""
    n_threads = min(torch.get_num_threads(), MOST_THREADS)
    if getattr(_asked, "n_threads", None) != n_threads:
        set_num_threads(n_threads)
        _asked.n_threads = n_threads
    return n_threads
