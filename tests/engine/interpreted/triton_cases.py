"""The Triton kernels in Triton's interpreter, on CPU tensors, against the definition in float64.

Triton reads TRITON_INTERPRET when it is imported, so `test_triton_split_kv.py` runs this file in a
process of its own.
"""

import importlib.util
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import triton.language as tl
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

from gqa_core.configs import QUANTISED_FORMATS, GroupedConfig, LatentConfig
from gqa_core.engine import (
    KVCache,
    LatentCache,
    QuantisedKVCache,
    QuantisedLatentCache,
    decode_attention,
)
from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.quantise import dequantise, quantise
from gqa_core.engine.reference import reference_attention
from gqa_core.engine.triton_split_kv import kernels, launch
from gqa_core.engine.triton_split_kv.attention import grouped_attention, latent_attention
from gqa_core.engine.triton_split_kv.blocks import Chunks
from tests.scale import FACTOR
from tests.tolerances import TOLERANCE, relative_error

assert os.environ.get("TRITON_INTERPRET") == "1", "run by test_triton_split_kv.py"

SHARED = [(1, 1), (4, 4), (8, 2), (6, 2), (7, 1), (40, 1)]  # h, k
if FACTOR == 1:  # every sharing and every context in one dtype, and some of them in all
    CONTEXTS = [(s, torch.float32) for s in (1, 16, 33, 100)]
    CONTEXTS += [(70, dtype) for dtype in (torch.bfloat16, torch.float16)]
else:
    CONTEXTS = [(s, dtype) for s in (1, 7, 15, 16, 17, 63, 64, 65, 200, 500) for dtype in TOLERANCE]
WIDTHS = [(1, 1), (64, 64), (72, 80), (96, 7), (192, 128), (20, 130)]  # d, v
CHUNKS = [Chunks(1, 112), Chunks(3, 48), Chunks(2, 96), Chunks(7, 16), Chunks(9, 16)]  # s = 100


@pytest.fixture(autouse=True)
def bfloat16_products(monkeypatch):
    """The interpreter multiplies bfloat16 as the integers that it stores; as floats here."""
    create_dot = InterpreterBuilder.create_dot

    def as_float(x):
        if x.dtype.scalar != tl.bfloat16:
            return x
        bits = x.data.astype(np.uint32) << 16
        return TensorHandle(bits.view(np.float32), tl.float32)

    def dot(self, a, b, d, *rest):
        return create_dot(self, as_float(a), as_float(b), d, *rest)

    monkeypatch.setattr(InterpreterBuilder, "create_dot", dot)


def qkv(b, h, k, s, d, v=None, dtype=torch.float32, size=1.0):
    generator = torch.Generator().manual_seed(7)
    shapes = (b, h, 1, d), (b, k, s, d), (b, k, s, v or d)
    q, keys, values = (torch.randn(*shape, generator=generator) for shape in shapes)
    return (q * size).to(dtype), keys.to(dtype), values.to(dtype)


def log_sum_exp(q, k, scale):
    """The natural log-sum-exp (b, h), float64, by torch."""
    k = k.double().repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    return ((q.double() @ k.transpose(-1, -2)) * scale).logsumexp(-1)[..., 0]


def check_grouped(q, k, v, scale, chunks=None):
    o, lse = grouped_attention(q, k, v, scale=scale, chunks=chunks)
    assert o.dtype == q.dtype
    assert o.shape == (*q.shape[:3], v.shape[3])
    assert relative_error(o, reference_attention(q, k, v, scale)) < TOLERANCE[q.dtype]
    assert relative_error(lse, log_sum_exp(q, k, scale)) < 1e-5


def check_latent(q, entries, c, scale, chunks=None):
    """q (b, h, 1, c + r) over entries (b, 1, s, c + r)."""
    o, lse = latent_attention(q[..., :c], q[..., c:], entries[:, 0], scale=scale, chunks=chunks)
    expected = reference_attention(q, entries, entries[..., :c], scale)
    assert o.dtype == q.dtype
    assert relative_error(o, expected) < TOLERANCE[q.dtype]
    assert relative_error(lse, log_sum_exp(q, entries, scale)) < 1e-5


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


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_caches_and_plain_tensors_attend_by_triton_and_say_so(dtype):
    q, k, v = qkv(2, 8, 2, 40, 16, 24, dtype=dtype)
    kwargs = {"batch_size": 2, "capacity": 90, "dtype": dtype, "device": "cpu", "kernel": "triton"}
    cache = KVCache(GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16, v_head_dim=24), **kwargs)
    cache.fill_random()
    cache.rewind(0)
    cache.append(k, v)
    assert (cache.plan.decode, cache.plan.prefill, cache.plan.key_layout) == (
        *("triton", "packed"),
        "tokens",
    )
    for attend in (cache.attend, lambda q: decode_attention(q, k, v, kernel="triton")):
        with record_kernels() as ran:
            o = attend(q)
        assert (ran.names, ran.last_sdpa_backend) == ({"triton"}, None)
        assert relative_error(o, reference_attention(q, k, v)) < TOLERANCE[dtype]
    with record_kernels() as ran:
        cache.attend(q.repeat(1, 1, 3, 1))
    assert ran.names == {"packed"}


def test_a_latent_cache_attends_by_triton_for_one_token_without_gradient():
    config = LatentConfig(
        n_heads=5, kv_lora_rank=20, qk_rope_head_dim=6, qk_nope_head_dim=8, v_head_dim=8
    )
    q, entries, _ = qkv(2, 5, 1, 40, 26)
    cache = LatentCache(
        config, batch_size=2, capacity=64, dtype=torch.float32, device="cpu", kernel="triton"
    )
    cache.append(entries[:, 0, :, :20], entries[:, 0, :, 20:])
    expected = reference_attention(q, entries, entries[..., :20], scale=0.3)
    for needs_grad, kernel in ((False, "triton"), (True, "packed")):
        q_latent = q[..., :20].clone().requires_grad_(needs_grad)
        with record_kernels() as ran:
            o = cache.attend(q_latent, q[..., 20:], scale=0.3)
        assert ran.names == {kernel}
        assert relative_error(o.detach(), expected) < 1e-5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda q, k, v: (q.repeat(1, 1, 2, 1), k, v), "q must hold one token"),
        (lambda q, k, v: (q[:, :3], k, v), "n_kv_heads must divide n_heads: got 2 and 3"),
        (lambda q, k, v: (q.double(), k.double(), v.double()), "triton must have .*float64"),
        (lambda q, k, v: (q.bfloat16(), k, v), "must share a float dtype"),
        (lambda q, k, v: (q, k, v.repeat(1, 1, 1, 80)), "triton must have .* widths 16 and 1280"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        grouped_attention(*change(*qkv(1, 4, 2, 20, 16)), scale=0.25)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a, b, x: (a[0], b, x), r"q_latent must be \(b, h, 1, c\)"),
        (lambda a, b, x: (a, b[:, :2], x), r"q_latent must be \(b, h, 1, c\)"),
        (lambda a, b, x: (a, b, x[..., :-1]), r"entries must be \(b, s, c \+ r\)"),
        (lambda a, b, x: (a, b, x[:, :0]), "at least one token"),
        (lambda a, b, x: (a.half(), b, x), "must share dtype and device"),
        (lambda a, b, x: (a.double(), b.double(), x.double()), "triton must have .*float64"),
    ],
)
def test_latents_that_do_not_fit_are_refused_in_a_sentence(change, sentence):
    q, entries, _ = qkv(1, 4, 1, 20, 16)
    with pytest.raises(ValueError, match=sentence):
        latent_attention(*change(q[..., :12], q[..., 12:], entries[:, 0]), scale=0.25)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kv_format", QUANTISED_FORMATS)
def test_codes_are_attended_as_the_values_that_they_stand_for(kv_format, dtype):
    q, k, v = qkv(2, 6, 2, 50, 24, 40, dtype=dtype)
    codes, scales = zip(*(quantise(x, kv_format) for x in (k, v)), strict=True)
    unused = [x.new_full((2, 2, 70), float("nan")) for x in scales]
    for long, short in zip(unused, scales, strict=True):
        long[:, :, :50] = short
    scales = tuple(x[:, :, :50] for x in unused)
    o, _ = grouped_attention(q, *codes, scale=0.2, scales=scales, chunks=Chunks(3, 32))
    values = [dequantise(x, scale, dtype) for x, scale in zip(codes, scales, strict=True)]
    assert relative_error(o, reference_attention(q, *values, 0.2)) < TOLERANCE[dtype]
    entries, q_latent, q_rope = k[:, 0], q[..., :20], q[..., 20:]
    codes, scales = quantise(entries, kv_format)
    o, _ = latent_attention(q_latent, q_rope, codes, scale=0.2, scales=scales)
    read = dequantise(codes, scales, dtype)[:, None]
    assert relative_error(o, reference_attention(q, read, read[..., :20], 0.2)) < TOLERANCE[dtype]


@pytest.mark.parametrize("kv_format", QUANTISED_FORMATS)
def test_quantised_caches_attend_over_their_codes(kv_format):
    q, k, v = qkv(2, 6, 2, 50, 24)
    cache = QuantisedKVCache.from_tensors(k, v, "triton", kv_format=kv_format)
    latent = QuantisedLatentCache.from_tensors(
        k[:, 0, :, :20], k[:, 0, :, 20:], "triton", kv_format=kv_format
    )
    for each in (cache, latent):
        each.rewind(45)
    with record_kernels() as ran:
        o = cache.attend(q)
        o_latent = latent.attend(q[..., :20], q[..., 20:], scale=0.2)
        assert ran.names == {"triton"}
        cache.attend(q.repeat(1, 1, 2, 1))
    assert ran.names == {"triton", "packed"}
    assert relative_error(o, reference_attention(q, cache.keys, cache.values)) < 1e-5
    expected = reference_attention(q, latent.keys, latent.values, 0.2)
    assert relative_error(o_latent, expected) < 1e-5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x, s: ((x[0].float(), x[1]), s), "codes must share one dtype"),
        (lambda x, s: (x, (s[0][:, :, :3], s[1])), "scales must be float32, one per vector"),
        (lambda x, s: (x, (s[0].double(), s[1])), "scales must be float32, one per vector"),
    ],
)
def test_codes_that_do_not_fit_are_refused_in_a_sentence(change, sentence):
    q, *kv = qkv(1, 4, 2, 20, 16)
    codes, scales = zip(*(quantise(x, "int8_per_token_head") for x in kv), strict=True)
    codes, scales = change(codes, scales)
    with pytest.raises(ValueError, match=sentence):
        grouped_attention(q, *codes, scale=0.25, scales=scales)


FAULTS = {
    "LSE in base 2": ("tl.log2(running_sum)) * LN_2", "tl.log2(running_sum))"),
    "an empty chunk as zero": ('is_empty, float("-inf")', "is_empty, 0.0"),
    "heads in the wrong order": ("(kv_head * G + row[:, None])", "(kv_head + row[:, None] * 2)"),
    "unused slots are read": ("start + i_token < s", "start + i_token < s + 1"),
    "codes without their scale": (".to(tl.float32) * scales[:, None]", ".to(tl.float32)"),
    "a maximum that is not followed": ("acc[i] * correction[:, None]", "acc[i]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault, tmp_path, monkeypatch):
    text = Path(kernels.__file__).read_text()
    right, wrong = FAULTS[fault]
    assert right in text
    path = tmp_path / "planted.py"
    path.write_text(text.replace(right, wrong))
    spec = importlib.util.spec_from_file_location("planted", path)
    planted = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(planted)
    monkeypatch.setattr(launch, "kernels", planted)
    longer = [torch.full((2, 2, 90, 24), 9.0) for _ in range(2)]
    q, *short = qkv(2, 8, 2, 70, 24, size=3.0)
    for long, values in zip(longer, short, strict=True):
        long[:, :, :70] = values
    k, v = (long[:, :, :70] for long in longer)
    check = partial(check_grouped, q, k, v, 0.2, Chunks(4, 32))
    if fault == "codes without their scale":
        check = partial(test_quantised_caches_attend_over_their_codes, "int8_per_token_head")
    with pytest.raises(AssertionError):
        check()
