"""The Triton kernels in Triton's interpreter, on CPU tensors, against the definition in float64.

Triton reads TRITON_INTERPRET when it is imported, so `test_triton_split_kv.py` runs this file in a
process of its own.
"""

import os

import pytest
import torch

from gqa_core.engine.triton_split_kv.attention import grouped_attention
from gqa_core.engine.triton_split_kv.blocks import Chunks
from tests.engine.interpreted.definition import check_grouped, check_latent, qkv
from tests.scale import FACTOR
from tests.tolerances import TOLERANCE

assert os.environ.get("TRITON_INTERPRET") == "1", "run by test_triton_split_kv.py"

SHARED = [(1, 1), (4, 4), (8, 2), (6, 2), (7, 1), (40, 1)]  # h, k
if FACTOR == 1:  # every sharing and every context in one dtype, and some of them in all
    CONTEXTS = [(s, torch.float32) for s in (1, 33, 100)]
    CONTEXTS += [(70, dtype) for dtype in (torch.bfloat16, torch.float16)]
else:
    CONTEXTS = [(s, dtype) for s in (1, 7, 15, 16, 17, 63, 64, 65, 200, 500) for dtype in TOLERANCE]
WIDTHS = [(1, 1), (64, 64), (72, 80), (96, 7), (192, 128), (20, 130)]  # d, v
CHUNKS = [Chunks(1, 112), Chunks(3, 48), Chunks(2, 96), Chunks(7, 16), Chunks(9, 16)]  # s = 100


@pytest.mark.parametrize(("s", "dtype"), CONTEXTS, ids=str)
@pytest.mark.parametrize(("h", "k"), SHARED)
def test_every_sharing_at_every_context_is_the_definition(h, k, s, dtype):
    check_grouped(*qkv(1, h, k, s, 24, dtype=dtype), scale=24**-0.5)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("d", "v"), WIDTHS)
def test_every_width_is_the_definition(d, v, dtype):
    check_grouped(*qkv(1, 6, 2, 40, d, v, dtype=dtype), scale=0.1)


@pytest.mark.parametrize(("s", "dtype"), CONTEXTS, ids=str)
@pytest.mark.parametrize("h", [1, 16, 40])
def test_latent_attention_is_the_definition(h, s, dtype):
    q, entries, _ = qkv(1, h, 1, s, 48 + 10, dtype=dtype)
    check_latent(q, entries, 48, 0.11)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("c", "r"), [(1, 1), (5, 0), (20, 3), (130, 64)])
def test_latents_of_any_width_are_the_definition(c, r, dtype):
    q, entries, _ = qkv(1, 3, 1, 37, c + r, dtype=dtype)
    check_latent(q, entries, c, 0.3)


def test_latent_attention_of_deepseek_s_widths():
    q, entries, _ = qkv(1, 32, 1, 70, 576, dtype=torch.bfloat16)
    check_latent(q, entries, 512, 192**-0.5)


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
def test_chunks_of_unequal_length_and_empty_ones_change_nothing(chunks):
    q, k, v = qkv(2, 6, 2, 100, 20, size=3.0)
    check_grouped(q, k, v, 20**-0.5, chunks)
    q, entries, _ = qkv(1, 5, 1, 100, 26, size=3.0)
    check_latent(q, entries, 20, 20**-0.5, chunks)


@pytest.mark.parametrize("size", [1e-6, 1e-2, 30.0])
def test_large_and_tiny_scores_are_right(size):
    check_grouped(*qkv(1, 8, 2, 100, 64, size=size), scale=0.125)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_slots_past_the_length_may_hold_nan_and_queries_be_strided(dtype):
    q, keys, values = qkv(2, 8, 2, 50, 32, dtype=dtype)
    longer = [torch.full((2, 2, 90, 32), float("nan"), dtype=dtype) for _ in range(2)]
    for long, short in zip(longer, (keys, values), strict=True):
        long[:, :, :50] = short
    strided = q.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)
    assert strided.stride(3) != 1
    check_grouped(strided, longer[0][:, :, :50], longer[1][:, :, :50], 0.2)
    check_latent(strided, longer[0][:, :1, :50], 20, 0.2)


def test_rows_that_are_not_contiguous_change_nothing():
    q, k, v = (x.mT.contiguous().mT for x in qkv(1, 4, 2, 30, 16))
    assert k.stride(3) != 1
    check_grouped(q, k, v, 0.25)
    check_latent(q, k[:, :1], 12, 0.25)


@pytest.mark.parametrize("chunks", [None, Chunks(4, 32)])
def test_nan_in_a_slot_that_is_read_is_not_hidden(chunks):
    q, k, v = qkv(1, 4, 1, 70, 32)
    k[0, 0, 66, 3] = float("nan")
    o, lse = grouped_attention(q, k, v, scale=0.2, chunks=chunks)
    assert o.isnan().all()
    assert lse.isnan().all()
