"""Split-KV attention bound to one quantised cache: codes of 8 bits and a scale per vector.

b batch, k K/V heads, h query heads, s cached tokens, d head_dim, v v_head_dim, c kv_lora_rank,
r qk_rope_head_dim.

A quantised cache takes about half of bfloat16's bytes and a quarter of float32's. No dequantised
copy of it is made: codes become float32 where they are multiplied. Arithmetic is float32 whatever
the dtype, so that one compiled kernel serves all; torch converts a query and an output, which are
short. Latents, which many heads share, are multiplied in bfloat16 for queries of bfloat16 where the
CPU has dot products of pairs: 1.6 down to 1.1 ms (8,192 tokens, 16 heads of 512 + 64).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from gqa_core.configs import QuantisedFormat
from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.quantise import CODE_FORMATS
from gqa_core.engine.split_kv.attention import (
    HEADS_PER_BLOCK,
    LOG2_E,
    TYPE_WITNESS,
    GroupedSplitKV,
    LatentSplitKV,
    _grid,
    _with_contiguous_heads,
    pad_to_lanes,
)
from gqa_core.engine.split_kv.compile_cache import write_checksums
from gqa_core.engine.split_kv.quantised_grouped_loop import quantised_grouped_loop
from gqa_core.engine.split_kv.quantised_latent_loop import quantised_latent_loop
from gqa_core.engine.split_kv.threads import start_pool
from gqa_core.engine.split_kv.vectors import FLOAT8_UNIT, HAS_BF16_DOT, LANES

__all__ = ["QuantisedGroupedSplitKV", "QuantisedLatentSplitKV", "load_quantised_kernel"]

UNIT = {torch.int8: 1.0, torch.float8_e4m3fn: FLOAT8_UNIT}  # of a code as the loops read it


@cache
def load_quantised_kernel(
    dtype: torch.dtype, kv_format: QuantisedFormat, *, is_latent: bool
) -> None:
    """Compile the kernel for queries of a dtype over codes of a format, or load it.

    Only over latents, and only where the CPU has dot products of bfloat16, does the dtype matter.
    """
    start_pool()
    q = torch.zeros(1, 1, 1, LANES, dtype=dtype, device="cpu")
    codes = torch.zeros(PAGE * LANES, dtype=torch.int8, device="cpu")
    codes = codes.view(CODE_FORMATS[kv_format].dtype)
    scales = torch.ones(1, 1, PAGE, device="cpu")
    if is_latent:
        latents = QuantisedLatentSplitKV(codes.view(1, PAGE, LANES), scales[0], 1, q.dtype)
        latents.attend(q[..., :1], q[..., 1:], 1, 1.0)
    else:
        pages, values = codes.view(1, 1, 1, LANES, PAGE), codes.view(1, 1, PAGE, LANES)
        attention = QuantisedGroupedSplitKV((pages, scales), (values, scales), LANES, q.dtype)
        attention.attend(q, 1, 1.0)
    write_checksums()


class QuantisedGroupedSplitKV(GroupedSplitKV):
    """Attention over codes of K in pages and of V, stored as those of a GroupedSplitKV.

    `keys` and `values` are (codes, scales), the scales (b, k, n_pages * 64) of both; `dtype` is
    that of the query and the output.
    """

    def __init__(
        self,
        keys: tuple[Tensor, Tensor],
        values: tuple[Tensor, Tensor],
        width: int,
        dtype: torch.dtype,
    ) -> None:
        (k_codes, k_scales), (v_codes, v_scales) = keys, values
        super().__init__(k_codes, v_codes, width)
        self._dtype, self._unit = dtype, UNIT[k_codes.dtype]
        self._scales = k_scales.view(-1).numpy(), v_scales.view(-1).numpy()

    def attend(self, q: Tensor, s: int, scale: float, lse: Tensor | None = None) -> Tensor:
        """Output (b, h, 1, v) of q (b, h, 1, d) over the first s tokens; it writes no `lse`."""
        assert lse is None, "ranks share no quantised cache"
        (b, k, d, v), h = self._shape, q.shape[1]
        wide, (q_b, q_h) = _with_contiguous_heads(q.float())
        o = wide.new_empty(b, h, 1, v)
        quantised_grouped_loop(
            (o.data_ptr(), wide.data_ptr()),
            (self._pages, self._values),
            self._scales,
            (np.float32(scale * LOG2_E * self._unit), np.float32(self._unit)),
            (b, k, h // k, d, v, s),
            (q_b, q_h, *self._strides),
            _grid(b * k, s),
        )
        return o.to(q.dtype)


class QuantisedLatentSplitKV(LatentSplitKV):
    """Attention over codes of entries (b, capacity, c + r) and their scales (b, capacity).

    `dtype` is that of the query and the output.
    """

    def __init__(self, codes: Tensor, scales: Tensor, c: int, dtype: torch.dtype) -> None:
        super().__init__(codes, c)
        self._dtype, self._unit = dtype, UNIT[codes.dtype]
        self._scales = scales.view(-1).numpy()

    def attend(
        self, q_latent: Tensor, q_rope: Tensor, s: int, scale: float, lse: Tensor | None = None
    ) -> Tensor:
        """Output (b, h, 1, c) of q_latent (b, h, 1, c) and q_rope (b, h, 1, r), first s tokens.

        It writes no `lse`.
        """
        assert lse is None, "ranks share no quantised cache"
        (b, c, r), h = self._shape, q_latent.shape[1]
        typed, latent_strides = _with_contiguous_heads(_typed(q_latent))
        typed_rope, rope_strides = _with_contiguous_heads(_typed(q_rope))
        n_blocks = -(-h // HEADS_PER_BLOCK)
        n_columns = pad_to_lanes(-(-h // n_blocks))
        o = q_latent.new_empty(b, h, 1, c, dtype=torch.float32)
        quantised_latent_loop(
            o.data_ptr(),
            TYPE_WITNESS[typed.dtype],
            (typed.data_ptr(), *latent_strides),
            (typed_rope.data_ptr(), *rope_strides),
            self._entries,
            self._scales,
            (np.float32(scale * LOG2_E), np.float32(self._unit)),
            (b, h, c, r, s),
            (n_columns, n_blocks, self._capacity),
            _grid(b * n_blocks, s),
        )
        return o.to(q_latent.dtype)


def _typed(q: Tensor) -> Tensor:
    """q in a dtype that the loop has a form for: bfloat16 for dot products, else float32."""
    return q if HAS_BF16_DOT and q.dtype == torch.bfloat16 else q.float()
