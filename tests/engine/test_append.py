"""Appends that do not fit a cache: one clear error each, and nothing changes."""

import pytest
import torch

from gqa_core.engine import KVCache, decode_attention
from gqa_core.engine.growing import ConcatenatedCache, PagedCache
from tests.engine.small_caches import (
    CAPACITY,
    GROUPED,
    KERNELS,
    B,
    D,
    H,
    K,
    V,
    assert_unchanged,
    kv_cache,
    latent_cache,
    new_kv,
    new_latent,
    snapshot,
)
from tests.tolerances import relative_error

GROWING = (ConcatenatedCache, lambda: PagedCache(4))

KV_FAULTS = {  # name: (change of k and v, the sentence)
    "one head": (
        lambda k, v: (k[:, :1], v),
        r"k must be (b, k, t, d) = (2, 4, 1, 16): got (2, 1, 1, 16)",
    ),
    "one sequence": (
        lambda k, v: (k[:1], v[:1]),
        r"k must be (b, k, t, d) = (2, 4, 1, 16): got (1, 4, 1, 16)",
    ),
    "one head of V": (
        lambda k, v: (k, v[:, :1]),
        r"v must be (b, k, t, v) = (2, 4, 1, 24): got (2, 1, 1, 24)",
    ),
    "V broadcast over its width": (
        lambda k, v: (k, v[..., :1]),
        r"v must be (b, k, t, v) = (2, 4, 1, 24): got (2, 4, 1, 1)",
    ),
    "width": (
        lambda k, v: (k[..., :8], v),
        r"k must be (b, k, t, d) = (2, 4, 1, 16): got (2, 4, 1, 8)",
    ),
    "rank": (
        lambda k, v: (k[:, :, 0], v[:, :, 0]),
        r"k must be (b, k, t, d) = (2, 4, t, 16): got (2, 4, 16)",
    ),
    "rank of V": (
        lambda k, v: (k, v[0]),
        r"v must be (b, k, t, v) = (2, 4, 1, 24): got (4, 1, 24)",
    ),
    "scalar": (
        lambda k, v: (torch.tensor(1.0), v),
        r"k must be (b, k, t, d) = (2, 4, t, 16): got ()",
    ),
    "other tokens": (
        lambda k, v: (k.expand(-1, -1, 2, -1), v),
        r"v must be (b, k, t, v) = (2, 4, 2, 24): got (2, 4, 1, 24)",
    ),
    "float64": (
        lambda k, v: (k.double(), v.double()),
        r"k must be float32 on cpu, as the cache is: got float64 on cpu",
    ),
    "dtype of V": (
        lambda k, v: (k, v.bfloat16()),
        r"v must be float32 on cpu, as the cache is: got bfloat16 on cpu",
    ),
    "integers": (
        lambda k, v: (k.long(), v.long()),
        r"k must be float32 on cpu, as the cache is: got int64 on cpu",
    ),
    "other device": (
        lambda k, v: (k.to("meta"), v.to("meta")),
        r"k must be float32 on cpu, as the cache is: got float32 on meta",
    ),
    "other device of V": (
        lambda k, v: (k, v.to("meta")),
        r"v must be float32 on cpu, as the cache is: got float32 on meta",
    ),
    "too many": (
        lambda k, v: (k.expand(-1, -1, 5, -1), v.expand(-1, -1, 5, -1)),
        r"the cache has 4 of 70 slots free: got 5 more tokens",
    ),
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("fault", KV_FAULTS)
def test_an_append_that_does_not_fit_is_one_error_and_changes_nothing(fault, kernel):
    change, sentence = KV_FAULTS[fault]
    cache = kv_cache(kernel)
    before = snapshot(cache)
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole sentence is compared
        cache.append(*change(*new_kv()))
    assert str(error.value) == sentence
    assert_unchanged(cache, before)
    cache.append(*new_kv(4))  # and it still takes what fits
    assert cache.length == CAPACITY


LATENT_FAULTS = {
    "one sequence": (
        lambda latent, rope_key: (latent[:1], rope_key[:1]),
        r"latent must be (b, t, c) = (2, 1, 32): got (1, 1, 32)",
    ),
    "width": (
        lambda latent, rope_key: (latent[..., :1], rope_key),
        r"latent must be (b, t, c) = (2, 1, 32): got (2, 1, 1)",
    ),
    "RoPE key of one sequence": (
        lambda latent, rope_key: (latent, rope_key[:1]),
        r"rope_key must be (b, t, r) = (2, 1, 8): got (1, 1, 8)",
    ),
    "a head axis": (
        lambda latent, rope_key: (latent[:, None], rope_key[:, None]),
        r"latent must be (b, t, c) = (2, t, 32): got (2, 1, 1, 32)",
    ),
    "other tokens": (
        lambda latent, rope_key: (latent, rope_key.expand(-1, 3, -1)),
        r"rope_key must be (b, t, r) = (2, 1, 8): got (2, 3, 8)",
    ),
    "float64": (
        lambda latent, rope_key: (latent, rope_key.double()),
        r"rope_key must be float32 on cpu, as the cache is: got float64 on cpu",
    ),
    "other device": (
        lambda latent, rope_key: (latent.to("meta"), rope_key),
        r"latent must be float32 on cpu, as the cache is: got float32 on meta",
    ),
    "too many": (
        lambda latent, rope_key: (latent.expand(-1, 5, -1), rope_key.expand(-1, 5, -1)),
        r"the cache has 4 of 70 slots free: got 5 more tokens",
    ),
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("fault", LATENT_FAULTS)
def test_a_latent_append_that_does_not_fit_is_one_error_and_changes_nothing(fault, kernel):
    change, sentence = LATENT_FAULTS[fault]
    cache = latent_cache(kernel)
    before = snapshot(cache)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        cache.append(*change(*new_latent()))
    assert str(error.value) == sentence
    assert_unchanged(cache, before)
    cache.append(*new_latent(4))
    assert cache.length == CAPACITY


@pytest.mark.parametrize(
    "new_cache", [ConcatenatedCache, lambda: PagedCache(4)], ids=["cat", "paged"]
)
@pytest.mark.parametrize("fault", [name for name in KV_FAULTS if name != "too many"])
def test_caches_of_other_policies_refuse_the_same(new_cache, fault):
    change, sentence = KV_FAULTS[fault]
    cache = new_cache()
    for _ in range(4):  # the next append of a paged cache would allocate a block
        cache.append(*new_kv())
    keys, values, n_bytes = cache.keys.clone(), cache.values.clone(), cache.tensor_bytes
    with pytest.raises(ValueError) as error:  # noqa: PT011
        cache.append(*change(*new_kv()))
    assert str(error.value) == sentence
    assert (cache.length, cache.tensor_bytes) == (4, n_bytes)
    assert torch.equal(cache.keys, keys)
    assert torch.equal(cache.values, values)


@pytest.mark.parametrize(
    "new_cache", [ConcatenatedCache, lambda: PagedCache(4)], ids=["cat", "paged"]
)
def test_the_first_append_of_other_policies_must_hold_together(new_cache):
    k, v = new_kv()
    cache = new_cache()
    for pair in ((k[:, :1], v), (k[0], v[0]), (k.double(), v), (k.long(), v.long())):
        with pytest.raises(ValueError, match=r"k must be|must share a float dtype"):
            cache.append(*pair)
    assert (cache.length, cache.tensor_bytes) == (0, 0)
    with pytest.raises(ValueError, match="must hold at least one token: got none"):
        _ = cache.keys
    with pytest.raises(ValueError, match="must hold at least one token: got none"):
        _ = cache.values
    cache.append(k[:1], v[:1])  # nothing of the refused ones was taken as the size
    assert cache.length == 1


def test_an_array_is_no_tensor():
    cache = kv_cache()
    before = snapshot(cache)
    with pytest.raises(ValueError, match="k must be a tensor: got ndarray"):
        cache.append(*(x.numpy() for x in new_kv()))
    assert_unchanged(cache, before)


@pytest.mark.parametrize("kernel", KERNELS)
def test_float64_does_not_become_infinite_in_float16(kernel):
    cache = kv_cache(kernel, torch.float16)
    with pytest.raises(ValueError, match="k must be float16 on cpu, as the cache is: got float64"):
        cache.append(torch.full((B, K, 1, D), 1e6).double(), torch.zeros(B, K, 1, V).double())
    assert cache.keys.isfinite().all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_after_refused_appends_the_output_is_right_though_unused_slots_are_nan(kernel):
    kwargs = {"batch_size": B, "capacity": CAPACITY, "dtype": torch.float32, "device": "cpu"}
    cache = KVCache(GROUPED, kernel=kernel, **kwargs)
    for storage in cache._storage:
        storage.fill_(float("nan"))
    k, v = new_kv(66)
    cache.append(k, v)
    for change, _ in KV_FAULTS.values():
        with pytest.raises(ValueError, match=r"must be|slots free"):
            cache.append(*change(*new_kv()))
    q = torch.randn(B, H, 1, D)
    assert relative_error(cache.attend(q), decode_attention(q, k, v, kernel="eager")) < 1e-5
