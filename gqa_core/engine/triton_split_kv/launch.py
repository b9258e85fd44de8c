"""The kernel calls of split-KV attention: grid, arguments and sizes, computed from tensors alone.

b batch, k K/V heads, h query heads, s cached tokens, d head_dim, v v_head_dim, c kv_lora_rank,
r qk_rope_head_dim.

Nothing is launched or validated here, so that the same call can be compiled ahead of time, for
devices that are not there, from tensors without data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gqa_core.engine.triton_split_kv import kernels
from gqa_core.engine.triton_split_kv.blocks import (
    BlockSizes,
    Chunks,
    column_tile,
    grouped_blocks,
    latent_blocks,
    power_of_two,
    split_context,
)

__all__ = ["ChunkResults", "KernelCall", "call_grouped", "call_latent", "call_merge"]

LOG2_E = math.log2(math.e)


@dataclass(frozen=True, slots=True)
class KernelCall:
    """A Triton kernel with its grid, positional arguments, and constants by name."""

    kernel: Any
    grid: tuple[int, ...]
    args: tuple[Any, ...]
    constants: dict[str, int | str]
    n_warps: int = 4
    n_stages: int = 3

    def launch(self) -> None:
        """Run the kernel on the device of its tensors."""
        options = {"num_warps": self.n_warps, "num_stages": self.n_stages}
        with torch.cuda.device_of(self.args[0]):  # Triton launches on the current device
            self.kernel[self.grid](*self.args, **self.constants, **options)


@dataclass(frozen=True, slots=True)
class ChunkResults:
    """Weighted means o (b, h, n_chunks, v) and log-sum-exps (b, h, n_chunks), in float32."""

    o: Tensor
    lse: Tensor

    @classmethod
    def allocate(cls, q: Tensor, width: int, n_chunks: int) -> ChunkResults:
        """Uninitialised results of all chunks for q (b, h, 1, *)."""
        shape = *q.shape[:2], n_chunks
        o = q.new_empty(*shape, width, dtype=torch.float32)
        return cls(o, q.new_empty(shape, dtype=torch.float32))


def call_grouped(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    scale: float,
    chunks: Chunks | int,
    scales: tuple[Tensor, Tensor] | None = None,
) -> tuple[KernelCall, ChunkResults]:
    """The call over q (b, h, 1, d), K (b, k, s, d) and V (b, k, s, v), and where it writes.

    `chunks` may be the number of multiprocessors to keep busy instead. With `scales` (b, k, s) of
    both, K and V are codes.
    """
    (b, n_kv_heads, s, d), (h, width) = k.shape, (q.shape[1], v.shape[3])
    g = h // n_kv_heads
    blocks = grouped_blocks(q.dtype, g=g, d=d, v=width)
    n_programs = b * n_kv_heads * blocks.n_row_blocks(g)
    chunks = _resolve(chunks, s, blocks, n_programs)
    results = ChunkResults.allocate(q, width, chunks.n)
    args = (
        *(q, k, v, *(scales or [results.lse] * 2), results.o, results.lse, scale * LOG2_E),
        *(s, chunks.length, chunks.n, n_kv_heads, q.stride(0), q.stride(1), q.stride(3)),
        *(*k.stride()[:3], *v.stride()[:3]),
        *(stride for x in scales or () for stride in x.stride()[:2]),
        *([] if scales else [0] * 4),
    )
    sizes = {"G": g, "D": d, "V": width, "D_TILE": column_tile(d), "V_TILE": column_tile(width)}
    call = _call(
        kernels.grouped_chunk, (n_programs, chunks.n), args, sizes, blocks, scales is not None
    )
    return call, results


def call_latent(
    q_latent: Tensor,
    q_rope: Tensor,
    entries: Tensor,
    scale: float,
    chunks: Chunks | int,
    scales: Tensor | None = None,
) -> tuple[KernelCall, ChunkResults]:
    """The call over q_latent (b, h, 1, c), q_rope (b, h, 1, r) and entries (b, s, c + r).

    With `scales` (b, s) the entries are codes.
    """
    (b, h, _, c), r, s = q_latent.shape, q_rope.shape[3], entries.shape[1]
    blocks = latent_blocks(q_latent.dtype, h=h)
    n_programs = b * blocks.n_row_blocks(h)
    chunks = _resolve(chunks, s, blocks, n_programs)
    results = ChunkResults.allocate(q_latent, c, chunks.n)
    strides = [x.stride(i) for x in (q_latent, q_rope) for i in (0, 1, 3)]
    args = (
        *(q_latent, q_rope, entries, results.lse if scales is None else scales),
        *(results.o, results.lse, scale * LOG2_E, s, chunks.length, chunks.n),
        *(*strides, entries.stride(0), entries.stride(1)),
        0 if scales is None else scales.stride(0),
    )
    sizes = {"H": h, "C": c, "R": r, "C_TILE": column_tile(c), "R_TILE": column_tile(max(r, 1))}
    call = _call(
        kernels.latent_chunk, (n_programs, chunks.n), args, sizes, blocks, scales is not None
    )
    return call, results


def call_merge(results: ChunkResults, o: Tensor, lse: Tensor) -> KernelCall:
    """The call that merges all chunks into o (b, h, 1, v) and lse (b, h)."""
    b, h, n_chunks, width = results.o.shape
    sizes: dict[str, int | str] = {
        "V": width,
        "V_PADDED": power_of_two(width),
        "N_CHUNKS_PADDED": power_of_two(n_chunks),
    }
    args = results.o, results.lse, o, lse, n_chunks
    return KernelCall(kernels.merge_chunks, (b * h,), args, sizes)


def _resolve(chunks: Chunks | int, s: int, blocks: BlockSizes, n_programs: int) -> Chunks:
    if isinstance(chunks, Chunks):
        return chunks
    return split_context(s, blocks.tokens, n_programs=n_programs, n_multiprocessors=chunks)


def _call(
    kernel: Any,
    grid: tuple[int, ...],
    args: tuple[Any, ...],
    sizes: dict[str, int],
    blocks: BlockSizes,
    is_quantised: bool,
) -> KernelCall:
    block: dict[str, int | str] = {
        "ROWS": blocks.rows,
        "TOKENS": blocks.tokens,
        "PRECISION": blocks.precision,
        "QUANTISED": is_quantised,
    }
    return KernelCall(kernel, grid, args, {**sizes, **block}, blocks.n_warps, blocks.n_stages)
