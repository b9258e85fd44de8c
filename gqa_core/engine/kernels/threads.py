"""numba's threads beside torch's: as many as torch has been told, and torch's left as they were.

Where numba starts its threads through OpenMP, it tells OpenMP to use every core from then on, and
torch asks the same OpenMP: whoever told torch to use one thread would find it using all of them.
"""

from __future__ import annotations

from functools import cache

import numba
import torch


@cache
def launch_threads() -> None:
    """Start numba's threads, once a process; torch has as many after it as before."""
    n_threads = torch.get_num_threads()
    numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))
    torch.set_num_threads(n_threads)
