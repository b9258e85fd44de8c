"""The Triton kernels: attention over a chunk of grouped heads or of latents, and the merge.

b batch, k K/V heads, h query heads, g queries per K/V head, s cached tokens, d head_dim,
v v_head_dim, c kv_lora_rank, r qk_rope_head_dim.

A program attends from one block of query heads, the rows, to one chunk of the context, so that what
is cached is read once for all rows. Rows, columns and tokens beyond the sizes are masked: no size
has to be a power of two, and a masked load takes no bandwidth. Wide rows are tuples of column
tiles, which bounds the registers that a product needs. Arithmetic is float32. Weights are powers of
two inside a chunk; the log-sum-exp that leaves it is a natural logarithm.
"""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["grouped_chunk", "latent_chunk", "merge_chunks"]

LN_2 = tl.constexpr(0.6931471805599453)
CHUNKS_PER_TILE = tl.constexpr(16)  # of a merge, loaded at once


@triton.jit
def _load_tiles(rows_ptr, is_row, column_stride, WIDTH: tl.constexpr, TILE: tl.constexpr):
    """Rows of WIDTH columns as tiles (rows, TILE); zeros where masked."""
    tiles = ()
    for start in tl.static_range(0, WIDTH, TILE):
        column = start + tl.arange(0, TILE)[None, :]
        tile = tl.load(rows_ptr + column * column_stride, mask=is_row & (column < WIDTH), other=0.0)
        tiles = tiles + (tile,)
    return tiles


@triton.jit
def _store_tiles(rows_ptr, is_row, tiles, WIDTH: tl.constexpr, TILE: tl.constexpr):
    """Store tiles (rows, TILE) as rows of WIDTH columns."""
    for start in tl.static_range(0, WIDTH, TILE):
        column = start + tl.arange(0, TILE)[None, :]
        tl.store(rows_ptr + column, tiles[start // TILE], mask=is_row & (column < WIDTH))


@triton.jit
def _add_scores(scores, queries, keys, unit, PRECISION: tl.constexpr):
    """Scores (rows, tokens) plus the products of query and key tiles.

    `unit` is 1.0, from the loop: in float32 the queries are multiplied by it, so that they stay in
    shared memory. As loop invariants they would be kept in registers, more than there are.
    """
    for i in tl.static_range(len(queries)):
        query = queries[i] if PRECISION == "ieee" else queries[i] * unit
        scores = tl.dot(query, tl.trans(keys[i]), scores, input_precision=PRECISION)
    return scores


@triton.jit
def _add_block(scores, values, running_max, running_sum, acc, PRECISION: tl.constexpr):
    """Online softmax of a block: scores (rows, tokens), scaled by log2(e), and value tiles."""
    block_max = tl.maximum(running_max, tl.max(scores, 1))
    correction = tl.exp2(running_max - block_max)
    weights = tl.exp2(scores - block_max[:, None])
    sums = ()
    for i in tl.static_range(len(values)):
        scaled = acc[i] * correction[:, None]
        product = tl.dot(weights.to(values[i].dtype), values[i], scaled, input_precision=PRECISION)
        sums = sums + (product,)
    return block_max, running_sum * correction + tl.sum(weights, 1), sums


@triton.jit
def _dequantise(tiles, scales, dtype: tl.constexpr):
    """Tiles (tokens, TILE) of codes times the scale of each token, in the dtype of the query."""
    values = ()
    for i in tl.static_range(len(tiles)):
        values = values + ((tiles[i].to(tl.float32) * scales[:, None]).to(dtype),)
    return values


@triton.jit
def _zeros(ROWS: tl.constexpr, WIDTH: tl.constexpr, TILE: tl.constexpr):
    """Tiles of weighted sums (ROWS, TILE), all zero."""
    tiles = ()
    for _ in tl.static_range(0, WIDTH, TILE):
        tiles = tiles + (tl.zeros([ROWS, TILE], tl.float32),)
    return tiles


@triton.jit
def _store_chunk(
    o_ptr, lse_ptr, is_row, running_max, running_sum, acc, WIDTH: tl.constexpr, TILE: tl.constexpr
):
    """Store the weighted mean of the values, and the natural LSE.

    A chunk in which no token was read has an LSE of -inf and weighs nothing.
    """
    is_empty = running_sum == 0
    divisor = tl.where(is_empty, 1.0, running_sum)[:, None]
    means = ()
    for i in tl.static_range(len(acc)):
        means = means + (acc[i] / divisor,)
    _store_tiles(o_ptr[:, None], is_row[:, None], means, WIDTH, TILE)
    lse = tl.where(is_empty, float("-inf"), (running_max + tl.log2(running_sum)) * LN_2)
    tl.store(lse_ptr, lse, mask=is_row)


@triton.jit(do_not_specialize=["s", "chunk_len", "n_chunks"])
def grouped_chunk(
    q,
    k,
    v,
    k_scales,
    v_scales,
    o_chunks,
    lse_chunks,
    scale_log2,
    s,
    chunk_len,
    n_chunks,
    n_kv_heads,
    q_b,
    q_h,
    q_d,
    k_b,
    k_h,
    k_s,
    v_b,
    v_h,
    v_s,
    k_scales_b,
    k_scales_h,
    v_scales_b,
    v_scales_h,
    G: tl.constexpr,
    D: tl.constexpr,
    V: tl.constexpr,
    ROWS: tl.constexpr,
    TOKENS: tl.constexpr,
    D_TILE: tl.constexpr,
    V_TILE: tl.constexpr,
    PRECISION: tl.constexpr,
    QUANTISED: tl.constexpr,
):
    """Weighted means (b * h, n_chunks, v) and natural LSE (b * h, n_chunks) of one chunk.

    Programs are (b * k * blocks of rows, n_chunks); q_b to v_s are strides in elements.
    """
    n_blocks: tl.constexpr = (G + ROWS - 1) // ROWS
    pair, block = tl.program_id(0) // n_blocks, tl.program_id(0) % n_blocks
    b, kv_head = (pair // n_kv_heads).to(tl.int64), (pair % n_kv_heads).to(tl.int64)
    chunk = tl.program_id(1)
    row, i_token = block * ROWS + tl.arange(0, ROWS), tl.arange(0, TOKENS)
    q_ptr = q + b * q_b + (kv_head * G + row[:, None]) * q_h
    queries = _load_tiles(q_ptr, row[:, None] < G, q_d, D, D_TILE)
    first = chunk * chunk_len
    token = first.to(tl.int64) + i_token[:, None]
    k_ptr = k + b * k_b + kv_head * k_h + token * k_s
    v_ptr = v + b * v_b + kv_head * v_h + token * v_s
    k_scales_ptr = k_scales + b * k_scales_b + kv_head * k_scales_h
    v_scales_ptr = v_scales + b * v_scales_b + kv_head * v_scales_h
    running_max = tl.full([ROWS], float("-inf"), tl.float32)
    running_sum = tl.zeros([ROWS], tl.float32)
    acc = _zeros(ROWS, V, V_TILE)
    for start in range(first, tl.minimum(first + chunk_len, s), TOKENS):
        is_token = start + i_token < s
        keys = _load_tiles(k_ptr, is_token[:, None], 1, D, D_TILE)
        values = _load_tiles(v_ptr, is_token[:, None], 1, V, V_TILE)
        k_ptr += TOKENS * k_s
        v_ptr += TOKENS * v_s
        if QUANTISED:
            k_scale = tl.load(k_scales_ptr + start + i_token, mask=is_token, other=0.0)
            v_scale = tl.load(v_scales_ptr + start + i_token, mask=is_token, other=0.0)
            keys = _dequantise(keys, k_scale, q.dtype.element_ty)
            values = _dequantise(values, v_scale, q.dtype.element_ty)
        unit = tl.where(start >= first, 1.0, 0.0)
        scores = tl.zeros([ROWS, TOKENS], tl.float32)
        scores = _add_scores(scores, queries, keys, unit, PRECISION) * scale_log2
        scores = tl.where(is_token[None, :], scores, float("-inf"))
        running_max, running_sum, acc = _add_block(
            scores, values, running_max, running_sum, acc, PRECISION
        )
    out = (pair.to(tl.int64) * G + row) * n_chunks + chunk
    _store_chunk(
        o_chunks + out * V, lse_chunks + out, row < G, running_max, running_sum, acc, V, V_TILE
    )


@triton.jit(do_not_specialize=["s", "chunk_len", "n_chunks"])
def latent_chunk(
    q_latent,
    q_rope,
    entries,
    scales,
    o_chunks,
    lse_chunks,
    scale_log2,
    s,
    chunk_len,
    n_chunks,
    latent_b,
    latent_h,
    latent_c,
    rope_b,
    rope_h,
    rope_r,
    entry_b,
    entry_s,
    scales_b,
    H: tl.constexpr,
    C: tl.constexpr,
    R: tl.constexpr,
    ROWS: tl.constexpr,
    TOKENS: tl.constexpr,
    C_TILE: tl.constexpr,
    R_TILE: tl.constexpr,
    PRECISION: tl.constexpr,
    QUANTISED: tl.constexpr,
):
    """Weighted means (b * h, n_chunks, c) and natural LSE (b * h, n_chunks) of one chunk.

    A latent is loaded once, as key and as value. Programs are (b * blocks of rows, n_chunks).
    """
    n_blocks: tl.constexpr = (H + ROWS - 1) // ROWS
    b, block = (tl.program_id(0) // n_blocks).to(tl.int64), tl.program_id(0) % n_blocks
    chunk = tl.program_id(1)
    row, i_token = block * ROWS + tl.arange(0, ROWS), tl.arange(0, TOKENS)
    is_row, head = row < H, row[:, None].to(tl.int64)
    latent_ptr = q_latent + b * latent_b + head * latent_h
    latent_queries = _load_tiles(latent_ptr, is_row[:, None], latent_c, C, C_TILE)
    rope_ptr = q_rope + b * rope_b + head * rope_h
    rope_queries = _load_tiles(rope_ptr, is_row[:, None], rope_r, R, R_TILE)
    first = chunk * chunk_len
    entry_ptr = entries + b * entry_b + (first.to(tl.int64) + i_token[:, None]) * entry_s
    running_max = tl.full([ROWS], float("-inf"), tl.float32)
    running_sum = tl.zeros([ROWS], tl.float32)
    acc = _zeros(ROWS, C, C_TILE)
    for start in range(first, tl.minimum(first + chunk_len, s), TOKENS):
        is_token = start + i_token < s
        latents = _load_tiles(entry_ptr, is_token[:, None], 1, C, C_TILE)
        rope_keys = _load_tiles(entry_ptr + C, is_token[:, None], 1, R, R_TILE)
        entry_ptr += TOKENS * entry_s
        if QUANTISED:
            scale = tl.load(scales + b * scales_b + start + i_token, mask=is_token, other=0.0)
            latents = _dequantise(latents, scale, q_latent.dtype.element_ty)
            rope_keys = _dequantise(rope_keys, scale, q_latent.dtype.element_ty)
        unit = tl.where(start >= first, 1.0, 0.0)
        scores = tl.zeros([ROWS, TOKENS], tl.float32)
        scores = _add_scores(scores, latent_queries, latents, unit, PRECISION)
        scores = _add_scores(scores, rope_queries, rope_keys, unit, PRECISION) * scale_log2
        scores = tl.where(is_token[None, :], scores, float("-inf"))
        running_max, running_sum, acc = _add_block(
            scores, latents, running_max, running_sum, acc, PRECISION
        )
    out = (b * H + row) * n_chunks + chunk
    _store_chunk(
        o_chunks + out * C, lse_chunks + out, is_row, running_max, running_sum, acc, C, C_TILE
    )


@triton.jit(do_not_specialize=["n_chunks"])
def merge_chunks(
    o_chunks,
    lse_chunks,
    o,
    lse,
    n_chunks,
    V: tl.constexpr,
    V_PADDED: tl.constexpr,
    N_CHUNKS_PADDED: tl.constexpr,
):
    """Output (b * h, v) and natural LSE (b * h) of one row: chunks weighted by exp(LSE)."""
    row = tl.program_id(0).to(tl.int64)
    i_chunk, i_v = tl.arange(0, N_CHUNKS_PADDED), tl.arange(0, V_PADDED)
    lse_ptr, o_ptr = lse_chunks + row * n_chunks, o_chunks + row * n_chunks * V
    every = tl.load(lse_ptr + i_chunk, mask=i_chunk < n_chunks, other=float("-inf"))
    largest = tl.max(every, 0)
    denominator = tl.sum(tl.exp(every - largest), 0)
    acc = tl.zeros([V_PADDED], tl.float32)
    for start in range(0, n_chunks, CHUNKS_PER_TILE):
        chunk = start + tl.arange(0, CHUNKS_PER_TILE)
        part = tl.load(lse_ptr + chunk, mask=chunk < n_chunks, other=float("-inf"))
        means = tl.load(
            o_ptr + chunk[:, None] * V + i_v[None, :],
            mask=(chunk[:, None] < n_chunks) & (i_v[None, :] < V),
            other=0.0,
        )
        acc += tl.sum(tl.exp(part - largest)[:, None] * means, 0)
    tl.store(o + row * V + i_v, acc / denominator, mask=i_v < V)
    tl.store(lse + row, largest + tl.log(denominator))
