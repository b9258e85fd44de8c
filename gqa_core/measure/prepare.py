"""Kernels that a run will need, compiled before its first point in a process of their own.

The points' processes then load what was compiled: neither their samples nor their memory know of
it. Where nothing can be kept, each of them compiles for itself before it is timed, and that is said
too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch

from gqa_core.engine.kernels.plan import SPLIT_KV, uses_split_kv
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
        (spec.dtype, spec.is_latent)
        for spec in cache_specs
        if uses_split_kv(
            spec.kernel,
            dtype=getattr(torch, spec.dtype),
            device=device,
            capacity=spec.capacity,
        )
    }
    if not wanted:
        return
    from gqa_core.engine.split_kv.compiling import prepare  # numba takes a while to import

    for dtype, is_latent in sorted(wanted):
        what = f"{dtype}, MLA absorbed" if is_latent else dtype

        def report(is_stored: bool, what: str = what) -> None:
            when = "once on this machine" if is_stored else "and in every point: it cannot be kept"
            tell(f"compiling {SPLIT_KV} for {what}, {when}")

        prepare(getattr(torch, dtype), is_latent=is_latent, on_compile=report)
