"""Block sizes of the Triton kernels, and how a context is split into chunks.

b batch, k K/V heads, h query heads, g queries per K/V head, s cached tokens, d head_dim,
v v_head_dim, c kv_lora_rank.

The sizes are those for which the compiler reports no or few spilled registers and at most 99 KiB of
shared memory, which every device of capability 8.0 or more has: `python -m
benchmarks.triton_resources` prints the table. None was timed on a GPU yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = [
    "BlockSizes",
    "Chunks",
    "column_tile",
    "grouped_blocks",
    "latent_blocks",
    "power_of_two",
    "split_context",
]

MIN_ROWS = 16  # of a matrix product of tensor cores
MAX_TILE = 64  # columns of a product: wider ones keep too many numbers in registers
MIN_CHUNK_TOKENS = 64
MAX_CHUNKS = 1024
PROGRAMS_PER_MULTIPROCESSOR = 2


@dataclass(frozen=True, slots=True)
class BlockSizes:
    """The block that one program works on: query heads (`rows`) times cached tokens.

    `precision` is that of products: float32 is split into three products of tf32, whose sum has
    float32's precision, since plain tf32 has 10 bits.
    """

    rows: int
    tokens: int
    n_warps: int
    n_stages: int
    precision: str

    def n_row_blocks(self, n_rows: int) -> int:
        """Programs that share the rows of one K/V head."""
        return -(-n_rows // self.rows)


@dataclass(frozen=True, slots=True)
class Chunks:
    """A context in `n` chunks of `length` tokens, the last of them shorter or empty."""

    n: int
    length: int


def grouped_blocks(dtype: torch.dtype, *, g: int, d: int, v: int) -> BlockSizes:
    """Block sizes for g queries per K/V head, K of width d and V of width v."""
    if dtype == torch.float32:
        is_wide = max(d, v) > 128
        rows = MIN_ROWS if is_wide else _rows(g, 32)
        n_warps = 8 if is_wide or rows > MIN_ROWS else 4
        return BlockSizes(rows, 16, n_warps, 2 if is_wide else 3, "tf32x3")
    rows = _rows(g, 32 if d + v <= 1024 else MIN_ROWS)
    return BlockSizes(rows, 32, 4 if d + v <= 512 else 8, 3 if d + v <= 384 else 2, "ieee")


def latent_blocks(dtype: torch.dtype, *, h: int) -> BlockSizes:
    """Block sizes for h heads over one latent."""
    if dtype == torch.float32:
        return BlockSizes(MIN_ROWS, 16, 8, 2, "tf32x3")
    return BlockSizes(_rows(h, 32), 32, 8, 2, "ieee")


def column_tile(width: int) -> int:
    """Columns of one tile of rows of this width: a power of two from 16 to 64."""
    return min(max(power_of_two(width), MIN_ROWS), MAX_TILE)


def power_of_two(n: int) -> int:
    """The smallest power of two that is not below n."""
    return 1 << (n - 1).bit_length()


def split_context(s: int, block_tokens: int, *, n_programs: int, n_multiprocessors: int) -> Chunks:
    """Chunks of s tokens, so that n_programs per chunk keep all multiprocessors busy.

    No chunk is empty, and but for the last all have whole blocks of `block_tokens`.
    """
    n_blocks = -(-s // block_tokens)
    wanted = -(-PROGRAMS_PER_MULTIPROCESSOR * n_multiprocessors // n_programs)
    n = max(1, min(wanted, s // MIN_CHUNK_TOKENS, MAX_CHUNKS))
    blocks_per_chunk = -(-n_blocks // n)
    return Chunks(-(-n_blocks // blocks_per_chunk), blocks_per_chunk * block_tokens)


def _rows(n_heads: int, most: int) -> int:
    return min(max(power_of_two(n_heads), MIN_ROWS), most)
