"""Kernels that a run will need, compiled before its first point in a process of their own.

The points' processes then load what was compiled: neither their samples nor their memory know of
it. Where nothing can be kept, each of them compiles for itself before it is timed, and that is said
too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch

from gqa_core.engine.kernels import SPLIT_KV, resolve_layout
from gqa_core.measure.device import find_device
from gqa_core.records.specs.decode import CacheSpec


def prepare_kernels(
    cache_specs: Collection[CacheSpec], device_asked: str, *, tell: Callable[[str], None]
) -> None:
    """Compile or load what these caches are attended by; `tell` hears of what is compiled alone.

    Raises:
        ValueError: a kernel cannot serve such a cache on this device.
    """
    device = find_device(device_asked)
    wanted = {
        (one.dtype, one.is_latent)
        for one in cache_specs
        if resolve_layout(one.kernel, getattr(torch, one.dtype), device, one.capacity) == SPLIT_KV
    }
    if not wanted:
        return
    from gqa_core.engine.kernels.compiling import prepare_aloud  # numba takes a while to be there

    for dtype, is_latent in sorted(wanted):
        what = f"{dtype}, MLA absorbed" if is_latent else dtype

        def say(is_kept: bool, what: str = what) -> None:
            how = "once on this machine" if is_kept else "and in every point: it cannot be kept"
            tell(f"compiling {SPLIT_KV} for {what}, {how}")

        prepare_aloud(getattr(torch, dtype), is_latent=is_latent, tell=say)
