"""The contexts, batch, layers and number format of a run whose user named none, by the device.

A step has to read enough to be worth timing. One layer of GQA-8 with 8,192 cached tokens and one
sequence is 34 MB in 16 bits: a CPU reads that in milliseconds, a GPU within a few launches, partly
from its cache. So a GPU gets 16-bit formats, longer contexts, more sequences and more layers, until
MQA, which reads least, reads as much as the device does in MIN_STEP_S, or memory has no more.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import GroupedConfig
from gqa_core.theory.formats import DtypeName

__all__ = ["DefaultWorkload", "default_workload"]

MIN_STEP_S = 100e-6
LARGE_MEMORY_BYTES = 40 * 10**9  # from which a GPU counts as one of a data centre
UNKNOWN_BANDWIDTHS = {True: 3e12, False: 0.6e12}  # bytes/s assumed: of a large GPU, of a small one
MEMORY_SHARE = 0.4  # of the free memory, for the caches of the largest variant
MAX_BATCH_SIZE, MAX_LAYERS = 16, 8
CONTEXT_LENS = {True: (4096, 16384, 65536), False: (2048, 8192, 32768)}  # large GPUs, small ones
CPU_CONTEXT_LENS = (1024, 4096, 16384)


@dataclass(frozen=True, slots=True)
class DefaultWorkload:
    """The sizes of a run whose user named none."""

    context_lens: tuple[int, ...]
    batch_size: int
    n_layers: int
    dtype: DtypeName


def default_workload(
    layer: GroupedConfig,
    *,
    device_type: str,
    free_bytes: int,
    bandwidth_bytes_per_s: float | None = None,
) -> DefaultWorkload:
    """The default run of layers with these heads on a device of this type and memory.

    `bandwidth_bytes_per_s` is that of the data sheet, where it is known. Batch and layers double in
    turns, batch first.
    """
    if device_type == "cpu":
        return DefaultWorkload(CPU_CONTEXT_LENS, 1, 1, "float32")
    is_large = free_bytes >= LARGE_MEMORY_BYTES
    bandwidth = bandwidth_bytes_per_s or UNKNOWN_BANDWIDTHS[is_large]
    mqa_token = 2 * (layer.head_dim + layer.v_head_dim)
    mha_token = mqa_token * layer.n_heads
    context_lens = (
        tuple(s for s in CONTEXT_LENS[is_large] if mha_token * s <= MEMORY_SHARE * free_bytes)
        or CPU_CONTEXT_LENS
    )
    middle, longest = context_lens[len(context_lens) // 2], context_lens[-1]
    batch_size = n_layers = 1

    def is_enough() -> bool:
        return batch_size * n_layers * middle * mqa_token >= MIN_STEP_S * bandwidth

    def has_room() -> bool:
        return 2 * batch_size * n_layers * longest * mha_token <= MEMORY_SHARE * free_bytes

    while not is_enough() and has_room():
        if batch_size < MAX_BATCH_SIZE:
            batch_size *= 2
        elif n_layers < MAX_LAYERS:
            n_layers *= 2
        else:
            break
    return DefaultWorkload(context_lens, batch_size, n_layers, "bfloat16")
