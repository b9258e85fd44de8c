"""The lecture's 400 GB and 3 GB: DeepSeek's cache per variant, counted in GPUs."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.settings.model import ModelSettings
from gqa_core.catalog.devices import Device

DESCENDING = ("MHA", "GQA", "MLA", "MQA")  # of DeepSeek's heads, by size


@dataclass(frozen=True, slots=True, kw_only=True)
class Stair:
    """One variant: its cache in bytes, MHA's over it, and the GPUs whose memory it takes."""

    variant: str
    cache_bytes: int
    reduction: float
    n_gpus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuStaircase:
    """The caches of one sequence from the largest to the smallest, and the memory of a GPU."""

    gpu: str
    memory_bytes: int
    context_len: int
    stairs: tuple[Stair, ...]


def gpu_staircase(settings: ModelSettings, device: Device) -> GpuStaircase:
    """The staircase of these settings; the whole memory on a device's label is for the cache."""
    memory = device.memory_bytes
    sizes = {name: settings.cache_bytes(name, settings.context_len) for name in DESCENDING}
    return GpuStaircase(
        gpu=device.name,
        memory_bytes=memory,
        context_len=settings.context_len,
        stairs=tuple(
            Stair(
                variant=name,
                cache_bytes=n_bytes,
                reduction=sizes["MHA"] / n_bytes,
                n_gpus=-(-n_bytes // memory),
            )
            for name, n_bytes in sizes.items()
        ),
    )
