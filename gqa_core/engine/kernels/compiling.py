"""Hearing that a kernel is compiled: seconds in which nothing else seems to happen.

numba tells its listeners when it compiles, and nothing when it loads what was compiled before. So
whoever prepares a kernel hears of it exactly then, whatever the reason: a new machine or CPU, other
sources, a damaged file, no folder to keep anything in.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from numba.core.event import Event, Listener, install_listener

from gqa_core.engine.kernels.split_kv import prepare


def prepare_aloud(dtype: torch.dtype, *, is_latent: bool, tell: Callable[[bool], None]) -> None:
    """Compile split_kv for a dtype, or load it; `tell` is called once, before anything is compiled.

    It is given whether the result will be kept for other processes.
    """
    with install_listener("numba:compile", _First(tell)):
        prepare(dtype, is_latent=is_latent)


class _First(Listener):
    """Calls `tell` at the first compilation: the outermost, of what is kept where anything is."""

    def __init__(self, tell: Callable[[bool], None]) -> None:
        self._tell: Callable[[bool], None] | None = tell

    def on_start(self, event: Event) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(event.data["dispatcher"].stats.cache_path is not None)

    def on_end(self, event: Event) -> None:
        """Nothing is told at the end."""
