"""Cache bytes of every variant against context, beside measured caches and device memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.data.decode_rows import CacheRow
from dashboard.settings.model import ModelSettings
from gqa_core.catalog.devices import Device, devices


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheGrowth:
    """Curves over `contexts`, in bytes by variant, and what stands beside them.

    `allocated` are the bytes where windows save nothing, empty without windows; `context_len` is
    the slider's; `ceilings` are bytes by device name. An axis includes `highest_bytes` in any case,
    so that it does not move when ceilings are chosen.
    """

    contexts: Sequence[int]
    curves: Mapping[str, Sequence[int]]
    context_len: int
    allocated: Mapping[str, Sequence[int]] = field(default_factory=dict)
    measured: Sequence[CacheRow] = ()
    ceilings: Mapping[str, int] = field(default_factory=dict)
    highest_bytes: int = 0


def cache_growth_data(
    settings: ModelSettings,
    contexts: Sequence[int],
    measured: Sequence[CacheRow] = (),
    ceilings: Sequence[Device] = (),
) -> CacheGrowth:
    """The curves of these settings over `contexts`."""
    windowed = settings.models if settings.has_window_layers else ()
    return CacheGrowth(
        contexts=contexts,
        curves={
            name: [settings.cache_bytes(name, n) for n in contexts] for name in settings.models
        },
        context_len=settings.context_len,
        allocated={
            name: [settings.allocated_bytes(name, n) for n in contexts] for name in windowed
        },
        measured=measured,
        ceilings={device.name: device.memory_bytes for device in ceilings},
        highest_bytes=max(device.memory_bytes for device in devices()),
    )
