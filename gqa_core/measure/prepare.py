"""Compiles the kernels that a run needs, before its first point and in a process of their own.

The points' processes then load what was compiled: it affects neither their samples nor their
memory. Where the compiled code cannot be stored, each of them compiles before it is timed, and that
is reported too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import product
from typing import get_args

import torch

from gqa_core.configs import QUANTISED_FORMATS
from gqa_core.engine.kernels.plan import SPLIT_KV, uses_split_kv
from gqa_core.measure.device import find_device
from gqa_core.records.specs.decode import CacheSpec
from gqa_core.theory.formats import DtypeName

__all__ = ["all_cache_specs", "prepare_kernels"]


def prepare_kernels(
    cache_specs: Collection[CacheSpec], device_name: str, *, on_progress: Callable[[str], None]
) -> None:
    """Compile or load the kernel for each cache spec.

    `on_progress` is called only when something is compiled.

    Raises:
        ValueError: a kernel cannot serve such a cache on this device.
    """
    device = find_device(device_name)
    needed = {
        _compiled_for(spec): spec
        for spec in cache_specs
        if uses_split_kv(
            spec.kernel, dtype=getattr(torch, spec.dtype), device=device, capacity=spec.capacity
        )
    }
    if not needed:
        return
    from gqa_core.engine.split_kv.compiling import prepare  # numba takes a while to import

    for name, spec in sorted(needed.items()):

        def report(is_stored: bool, name: str = name) -> None:
            when = "once on this machine"
            if not is_stored:
                when = "and in every point: it cannot be stored"
            on_progress(f"compiling {SPLIT_KV} for {name}, {when}")

        dtype = getattr(torch, spec.dtype)
        prepare(dtype, is_latent=spec.is_latent, kv_format=spec.kv_format, on_compile=report)


def all_cache_specs() -> list[CacheSpec]:
    """A cache of each dtype, each quantised format, and both for MLA: every compiled kernel."""
    kinds = [
        (dtype, kv_format)
        for dtype in get_args(DtypeName)
        for kv_format in (None, *QUANTISED_FORMATS)
    ]
    return [
        CacheSpec(SPLIT_KV, 1, dtype, is_latent=is_latent, kv_format=kv_format)
        for (dtype, kv_format), is_latent in product(kinds, (False, True))
    ]


def _compiled_for(spec: CacheSpec) -> str:
    """The dtype or the format that a kernel is compiled for.

    A quantised one serves any dtype, but over latents bfloat16 may have a kernel of its own.
    """
    name: str = spec.kv_format or spec.dtype
    if spec.kv_format and spec.is_latent and spec.dtype == "bfloat16":
        name += " with bfloat16"
    return f"{name}, MLA absorbed" if spec.is_latent else name
