"""Misuse of the other public calls of caches: one clear error each, and nothing changes."""

import numpy as np
import pytest
import torch

from gqa_core.engine import KVCache, LatentCache
from gqa_core.engine.kernels.plan import SPLIT_KV
from tests.engine.small_caches import (
    GROUPED,
    KERNELS,
    LATENT,
    B,
    C,
    D,
    H,
    R,
    assert_unchanged,
    kv_cache,
    latent_cache,
    new_kv,
    new_latent,
    snapshot,
)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "change",
    [
        lambda q: q[:1],
        lambda q: q[..., :8],
        lambda q: q[:, :3],
        lambda q: q[:, :0],
        lambda q: q[:, :, :0],
        lambda q: q[0],
        lambda q: q.double(),
        lambda q: q.to("meta"),
        lambda q: q.expand(-1, -1, 67, -1),
    ],
    ids=["sequence", "width", "heads", "no head", "no token", "rank", "dtype", "device", "tokens"],
)
def test_a_query_that_does_not_fit_is_refused(change, kernel):
    cache, q = kv_cache(kernel), torch.randn(B, H, 1, D)
    before, expected = snapshot(cache), cache.attend(q)
    with pytest.raises(ValueError, match="must"):
        cache.attend(change(q))
    assert_unchanged(cache, before)
    assert torch.equal(cache.attend(q), expected)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a, b: (a[:1], b), r"q_latent must be \(b, h, t, 32\) and q_rope \(b, h, t, 8\)"),
        (lambda a, b: (a[:1], b[:1]), "must agree in batch"),
        (lambda a, b: (torch.cat((a, b[..., :2]), -1), b[..., 2:]), "q_latent must be"),
        (lambda a, b: (a[0], b[0]), "q_latent must be"),
        (lambda a, b: (a, b.bfloat16()), "must share dtype and device: got torch.float32"),
        (lambda a, b: (a.to("meta"), b), "must share dtype and device"),
        (lambda a, b: (a.double(), b.double()), "must share a float dtype"),
    ],
)
def test_a_latent_query_that_does_not_fit_is_refused(change, sentence, kernel):
    cache = latent_cache(kernel)
    before = snapshot(cache)
    with pytest.raises(ValueError, match=sentence):
        cache.attend(*change(torch.randn(B, H, 1, C), torch.randn(B, H, 1, R)), scale=0.2)
    assert_unchanged(cache, before)


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_empty_cache_has_nothing_to_attend_to(kernel):
    cache, latent = kv_cache(kernel), latent_cache(kernel)
    cache.rewind(0)
    latent.rewind(0)
    with pytest.raises(ValueError, match="k and v must hold the same tokens, at least those of q"):
        cache.attend(torch.randn(B, H, 1, D))
    with pytest.raises(ValueError, match="k and v must hold the same tokens, at least those of q"):
        latent.attend(torch.randn(B, H, 1, C), torch.randn(B, H, 1, R), scale=0.2)


@pytest.mark.parametrize("length", [-1, 67, 1.5, True, "3", None, np.float64(2)])
def test_rewind_takes_whole_numbers_up_to_the_length(length):
    cache = kv_cache()
    before = snapshot(cache)
    with pytest.raises(ValueError, match=r"length must be (between 0 and 66|a whole number): got"):
        cache.rewind(length)
    assert_unchanged(cache, before)


def test_random_numbers_come_from_a_generator_of_the_cache_s_device():
    cache = KVCache(
        GROUPED, batch_size=1, capacity=4, dtype=torch.float32, device="meta", kernel="packed"
    )
    with pytest.raises(ValueError, match="generator must be on meta: got cpu"):
        cache.fill_random(torch.Generator())
    assert cache.length == 0


@pytest.mark.parametrize(
    ("kwargs", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be between 1 and"),
        ({"capacity": 0}, "capacity must be between 1 and"),
        ({"capacity": 2.0}, "capacity must be a whole number: got 2.0"),
        ({"dtype": torch.int32}, "dtype must be one of float64, .*: got int32"),
        ({"dtype": torch.float8_e5m2}, "dtype must be one of float64, .*: got float8_e5m2"),
        ({"kernel": "paged"}, "kernel must be one of"),
        ({"kernel": SPLIT_KV, "dtype": torch.float64}, "split_kv must have a CPU and one of"),
        ({"kernel": SPLIT_KV, "device": "meta"}, "split_kv must have a CPU and one of"),
    ],
)
@pytest.mark.parametrize(("cache_type", "config"), [(KVCache, GROUPED), (LatentCache, LATENT)])
def test_a_cache_that_cannot_be_is_refused(cache_type, config, kwargs, sentence):
    defaults = {"batch_size": 1, "capacity": 4, "dtype": torch.float32, "device": "cpu"}
    with pytest.raises(ValueError, match=sentence):
        cache_type(config, **defaults | kwargs)


@pytest.mark.parametrize("other", [None, [1.0], 2.0])
def test_what_is_no_tensor_is_named(other):
    k, v = new_kv(3)
    cache = KVCache.from_tensors(k, v)
    cache.rewind(2)
    with pytest.raises(ValueError, match=f"v must be a tensor: got {type(other).__name__}"):
        cache.append(k[:, :, :1], other)
    with pytest.raises(ValueError, match=f"k must be a tensor: got {type(other).__name__}"):
        KVCache.from_tensors(other, v)
    with pytest.raises(ValueError, match=f"q must be a tensor: got {type(other).__name__}"):
        KVCache.from_tensors(k, v, "packed").attend(other)
    assert cache.length == 2


def test_a_scale_of_absorbed_mla_has_no_default():
    latent, rope_key = new_latent(3)
    cache = LatentCache.from_tensors(latent, rope_key)
    with pytest.raises(ValueError, match="scale must be given, by the width before absorption"):
        cache.attend(latent[:, None, :1], rope_key[:, None, :1], scale=None)


def test_tensors_that_do_not_match_make_no_cache():
    k, v = new_kv(3)
    for pair in ((k, v[:, :1]), (k[:1], v), (k, v[:, :, :2]), (k[0], v[0]), (k[0, 0, 0], v)):
        with pytest.raises(ValueError, match=r"k must be \(b, k, s, d\) and v \(b, k, s, v\): got"):
            KVCache.from_tensors(*pair)
    with pytest.raises(ValueError, match=r"must share a float dtype: got torch\.float32 and"):
        KVCache.from_tensors(k, v.double())
    with pytest.raises(ValueError, match="must be on one device: got cpu and meta"):
        KVCache.from_tensors(k, v.to("meta"))
    latent, rope_key = new_latent(3)
    for pair in ((latent[:1], rope_key), (latent, rope_key[:, :2]), (latent[0], rope_key[0])):
        with pytest.raises(ValueError, match=r"latent must be \(b, s, c\) and rope_key"):
            LatentCache.from_tensors(*pair)
    with pytest.raises(ValueError, match="rope_key must be float32 on cpu, as the cache is"):
        LatentCache.from_tensors(latent, rope_key.double())
