"""Cache bytes of every variant against context, beside measured caches and device memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from dashboard.data.decode_rows import CacheRow
from dashboard.settings.model import ModelSettings
from gqa_core.catalog.devices import Device, devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """The longest context whose cache fits into these devices, for one variant or model."""

    name: str
    context_len: int
    memory_bytes: int
    devices: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheGrowth:
    """Curves over `contexts`, in bytes by variant, and what stands beside them.

    `allocated` are the bytes where windows save nothing, empty without windows; `context_len` is
    the slider's; `ceilings` are bytes by device name, `crossings` where curves meet them. An axis
    includes `highest_bytes` in any case, so that it does not move when ceilings are chosen.
    """

    contexts: Sequence[int]
    curves: Mapping[str, Sequence[int]]
    context_len: int
    allocated: Mapping[str, Sequence[int]] = field(default_factory=dict)
    measured: Sequence[CacheRow] = ()
    ceilings: Mapping[str, int] = field(default_factory=dict)
    crossings: Sequence[Crossing] = ()
    highest_bytes: int = 0


def cache_growth_data(
    settings: ModelSettings,
    contexts: Sequence[int],
    measured: Sequence[CacheRow] = (),
    ceilings: Sequence[Device] = (),
) -> CacheGrowth:
    """The curves of these settings over `contexts` and the contexts where they meet a ceiling."""
    windowed = settings.models if settings.has_window_layers else ()
    sizes = {name: partial(settings.cache_bytes, name) for name in settings.models}
    meetings = crossings(sizes, ceilings, max(contexts))
    contexts = sorted({*contexts, *(crossing.context_len for crossing in meetings)})
    return CacheGrowth(
        contexts=contexts,
        curves={name: [size(n_tokens) for n_tokens in contexts] for name, size in sizes.items()},
        context_len=settings.context_len,
        allocated={
            name: [settings.allocated_bytes(name, n) for n in contexts] for name in windowed
        },
        measured=measured,
        ceilings={device.name: device.memory_bytes for device in ceilings},
        crossings=meetings,
        highest_bytes=max(device.memory_bytes for device in devices()),
    )


def crossings(
    sizes: Mapping[str, Callable[[int], int]], ceilings: Sequence[Device], max_context_len: int
) -> list[Crossing]:
    """The contexts at which caches fill these memories, up to `max_context_len`.

    `sizes` has the bytes at a context, by name. A cache that is too large for one token has no
    crossing.
    """
    by_size: dict[int, list[str]] = {}
    for device in ceilings:
        by_size.setdefault(device.memory_bytes, []).append(device.name)
    return [
        Crossing(name=name, context_len=n_tokens, memory_bytes=memory_bytes, devices=cards)
        for memory_bytes, cards in by_size.items()
        for name, size in sizes.items()
        if (n_tokens := _longest_context(size, memory_bytes, max_context_len))
        and n_tokens < max_context_len
    ]


def _longest_context(size: Callable[[int], int], memory_bytes: int, max_context_len: int) -> int:
    """The most tokens whose cache fits; 0 if not even one does."""
    return bisect_right(range(1, max_context_len + 1), memory_bytes, key=size)
