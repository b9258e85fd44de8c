"""Notify the caller when numba compiles a kernel, which takes several seconds.

numba reports to its listeners when it compiles, but not when it loads a stored kernel. So a caller
that prepares a kernel is notified exactly then, whatever the reason: a new machine or CPU, changed
sources, a damaged file, no writable cache folder.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from numba.core.event import Event, Listener, install_listener

from gqa_core.configs import QuantisedFormat
from gqa_core.engine.split_kv import attention, probes, quantised_attention

OnCompile = Callable[[bool], None]


def prepare(
    dtype: torch.dtype,
    *,
    is_latent: bool,
    kv_format: QuantisedFormat | None = None,
    on_compile: OnCompile = lambda is_stored: None,
) -> None:
    """Compile the kernel for a cache and the probes of its dtype that bound it, or load them.

    `on_compile` is called once, before anything is compiled, with whether the result will be stored
    for other processes.
    """
    with install_listener("numba:compile", _FirstCompileListener(on_compile)):
        if kv_format is None:
            attention.load_kernel(dtype, is_latent=is_latent)
        else:
            quantised_attention.load_quantised_kernel(dtype, kv_format, is_latent=is_latent)
        probes.load_probes(dtype)


class _FirstCompileListener(Listener):
    """Calls `on_compile` once, at the first (outermost) compilation."""

    def __init__(self, on_compile: OnCompile) -> None:
        self._on_compile: OnCompile | None = on_compile

    def on_start(self, event: Event) -> None:
        on_compile, self._on_compile = self._on_compile, None
        if on_compile is not None:
            on_compile(event.data["dispatcher"].stats.cache_path is not None)

    def on_end(self, event: Event) -> None:
        """Ignore the end of a compilation."""
