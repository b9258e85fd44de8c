"""A preload for workers that counts what would initialise CUDA, then imports all that measures.

`torch.cuda.is_available` counts too: it starts the driver, after which a fork cannot use a GPU.
"""

from __future__ import annotations

import importlib
from collections import Counter

import torch

from gqa_core.runner.methods import METHODS

INITIALISING = {
    torch.accelerator: "current_accelerator device_count get_memory_info is_available "
    "memory_stats set_device_index synchronize empty_cache",
    torch.cuda: "_lazy_init device_count get_device_capability get_device_properties init "
    "is_available is_bf16_supported mem_get_info set_device synchronize",
}
counts: Counter[str] = Counter()


def counting(name, function):
    """The function, counted."""

    def counted(*arguments, **options):
        counts[name] += 1
        return function(*arguments, **options)

    return counted


for namespace, names in INITIALISING.items():
    for name in names.split():
        full_name = f"{namespace.__name__}.{name}"
        setattr(namespace, name, counting(full_name, getattr(namespace, name)))

for method in METHODS.values():
    importlib.import_module(method.module)
importlib.import_module("gqa_core.measure.prepare")


def initialisations():
    """The calls so far in the process that preloaded, and in this one once it found its device."""
    before = dict(counts)
    device = importlib.import_module("gqa_core.measure.device")
    device.device_info("auto")
    return before, dict(counts)
