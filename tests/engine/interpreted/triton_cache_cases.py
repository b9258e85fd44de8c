"""Caches that attend by Triton, codes, refusals and planted faults, in Triton's interpreter.

`test_triton_split_kv.py` runs this file in a process of its own.
"""

import importlib.util
import os
from functools import partial
from pathlib import Path

import pytest
import torch

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
from tests.engine.interpreted.definition import check_grouped, qkv
from tests.tolerances import TOLERANCE, relative_error

assert os.environ.get("TRITON_INTERPRET") == "1", "run by test_triton_split_kv.py"


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
