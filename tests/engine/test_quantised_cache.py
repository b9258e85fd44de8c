"""Quantised caches: bytes as the formula counts them, contents as appended, kernels as defined.

The kernel is compared with the definition in float64 over what the cache says that it holds, so
that only its arithmetic differs; how far that is from the float values is another test.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gqa_core.configs import (
    QUANTISED_FORMATS,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    Workload,
    default_mla_for,
)
from gqa_core.engine import QuantisedKVCache, QuantisedLatentCache, dequantise, quantise
from gqa_core.engine.build import build_layer
from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.kernels.plan import SPLIT_KV
from gqa_core.engine.reference import reference_attention
from gqa_core.theory.memory import kv_cache_bytes
from tests.engine.small_caches import (
    CAPACITY,
    GROUPED,
    KERNELS,
    LATENT,
    B,
    new_kv,
    new_latent,
    snapshot,
)
from tests.engine.test_split_kv import expected, qkv
from tests.scale import FACTOR, NIGHTLY
from tests.tolerances import TOLERANCE, relative_error

formats = pytest.mark.parametrize("kv_format", QUANTISED_FORMATS)
DTYPES = tuple(TOLERANCE) if NIGHTLY else (torch.float32, torch.bfloat16)
CONTEXTS = (1, 7, 63, 64, 65, 1000, 4097) if NIGHTLY else (1, 63, 65, 1000)
SHARED = [(1, 1), (4, 4), (8, 2), (6, 2), (7, 1), (32, 1), (128, 8)]  # h, k
WIDTHS = [(1, 1), (64, 64), (72, 80), (192, 128), (64, 256), (96, 7)]  # d, v
FORMAT_ERROR = {"int8_per_token_head": 1.5e-2, "fp8_per_token_head": 5e-2}  # of normal values
NAN = float("nan")


def new_cache(kind, config, kv_format, kernel, capacity=CAPACITY, dtype=torch.float32):
    options = {"batch_size": B, "capacity": capacity, "dtype": dtype, "device": "cpu"}
    return kind(config, kv_format=kv_format, kernel=kernel, **options)


def caches(kv_format, kernel):
    """Both kinds, empty, and tensors for them."""
    return (
        (new_cache(QuantisedKVCache, GROUPED, kv_format, kernel), new_kv),
        (new_cache(QuantisedLatentCache, LATENT, kv_format, kernel), new_latent),
    )


def fill_unused_with_nan(cache):
    """NaN in the scales of all slots past the length, and the largest code or NaN as codes."""
    stores = (
        (cache._codes,)
        if isinstance(cache, QuantisedLatentCache)
        else (cache._k_codes, cache._v_codes)
    )
    for store in stores:
        store.scales[:, :, cache.length :] = NAN
        b, k, capacity, width = store.shape
        rest = torch.full((b, k, capacity - cache.length, width), 0x7F, dtype=torch.uint8)
        store.write(cache.length, rest.view(store.codes.dtype), torch.full(rest.shape[:3], NAN))


@settings(max_examples=50 * FACTOR, deadline=None)
@given(
    st.sampled_from([(1, 1, 8, 8), (6, 2, 5, 9), (8, 8, 16, 16), (4, 1, 33, 7)]),
    st.integers(1, 200),
    st.integers(1, 3),
    st.sampled_from(QUANTISED_FORMATS),
    st.sampled_from(KERNELS),
)
def test_bytes_of_all_tensors_are_the_formula(sizes, capacity, batch_size, kv_format, kernel):
    h, k, d, v = sizes
    grouped = GroupedConfig(n_heads=h, n_kv_heads=k, head_dim=d, v_head_dim=v)
    latent = LatentConfig(
        n_heads=h, kv_lora_rank=d, qk_rope_head_dim=v, qk_nope_head_dim=4, v_head_dim=4
    )
    workload = Workload(context_len=capacity, batch_size=batch_size)
    options = {"batch_size": batch_size, "dtype": torch.float32, "device": "cpu"}
    for kind, config in ((QuantisedKVCache, grouped), (QuantisedLatentCache, latent)):
        cache = kind(config, capacity=capacity, kernel=kernel, kv_format=kv_format, **options)
        formula = kv_cache_bytes(ModelConfig.uniform(config, 1), workload, kv_format)
        stored = sum(x.untyped_storage().nbytes() for x in cache._storage)
        assert cache.tensor_bytes == formula
        assert cache.padding_bytes == stored - formula >= 0
        assert kernel == SPLIT_KV or cache.padding_bytes == 0


@formats
@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_appended_one_by_one_or_many_is_read_back_quantised(kv_format, kernel):
    for cache, new_tensors in caches(kv_format, kernel):
        tensors = new_tensors(CAPACITY)
        axis = tensors[0].ndim - 2
        for start, stop in ((0, 1), (1, 63), (63, 64), (64, 66), (66, CAPACITY)):
            cache.append(*(x.narrow(axis, start, stop - start) for x in tensors))
            assert cache.length == stop
        vectors = torch.cat(tensors, dim=-1)[:, None] if axis == 1 else tensors[0]
        assert torch.equal(cache.keys, dequantise(*quantise(vectors, kv_format), torch.float32))
        if axis == 2:
            want = dequantise(*quantise(tensors[1], kv_format), torch.float32)
            assert torch.equal(cache.values, want)
        cache.rewind(40)
        cache.append(*(x.narrow(axis, 0, 1) for x in tensors))
        assert cache.length == 41
        assert torch.equal(cache.keys[:, :, 40], cache.keys[:, :, 0])


@formats
@pytest.mark.parametrize("kernel", KERNELS)
def test_an_append_that_does_not_fit_changes_nothing(kv_format, kernel):
    for cache, new_tensors in caches(kv_format, kernel):
        cache.append(*new_tensors(66))
        before = snapshot(cache)
        for tensors, rule in (
            (new_tensors(5), "4 of 70 slots free: got 5 more tokens"),
            (new_tensors(1, torch.float64), "must be float32 on cpu, as the cache is"),
            ([x[:1] for x in new_tensors()], "must be"),
        ):
            with pytest.raises(ValueError, match=rule):
                cache.append(*tensors)
        with pytest.raises(ValueError, match="length must be between 0 and 66: got 67"):
            cache.rewind(67)
        length, *storage = before
        assert cache.length == length
        for x, y in zip(cache._storage, storage, strict=True):
            assert torch.equal(x.view(torch.uint8), y.view(torch.uint8))


@formats
@pytest.mark.parametrize("kernel", KERNELS)
def test_random_fill_is_seeded_and_codes_and_scales_fit_together(kv_format, kernel):
    for kind, config in ((QuantisedKVCache, GROUPED), (QuantisedLatentCache, LATENT)):
        first, second = (new_cache(kind, config, kv_format, kernel, 5000) for _ in range(2))
        for cache in (first, second):
            cache.fill_random(torch.Generator().manual_seed(5))
        assert first.length == first.capacity
        assert torch.equal(first.keys, second.keys)
        assert torch.equal(first.values, second.values)
        for x in (first.keys, *[first.values] * (kind is QuantisedKVCache)):
            assert x.std().item() == pytest.approx(1, abs=0.02)
            torch.testing.assert_close(dequantise(*quantise(x, kv_format), x.dtype), x)


@formats
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("s", CONTEXTS)
@pytest.mark.parametrize(("h", "k"), SHARED)
def test_every_sharing_at_every_context_is_the_definition(h, k, s, dtype, kv_format):
    q, keys, values = qkv(1, h, k, s, 32, dtype=dtype)
    cache = QuantisedKVCache.from_tensors(keys, values, SPLIT_KV, kv_format=kv_format)
    with record_kernels() as kernels:
        o = cache.attend(q)
    assert kernels.last == cache.plan.decode == SPLIT_KV
    assert o.dtype == dtype
    assert relative_error(o, expected(q, cache.keys, cache.values)) < TOLERANCE[dtype]
    assert relative_error(o, expected(q, keys, values)) < FORMAT_ERROR[kv_format]


@formats
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("d", "v"), WIDTHS)
@pytest.mark.parametrize("b", [1, 3])
def test_every_width_and_batch_is_the_definition(b, d, v, dtype, kv_format):
    q, keys, values = qkv(b, 8, 2, 130, d, v, dtype=dtype)
    cache = QuantisedKVCache.from_tensors(keys, values, SPLIT_KV, kv_format=kv_format)
    o = cache.attend(q, scale=0.2)
    assert relative_error(o, expected(q, cache.keys, cache.values, 0.2)) < TOLERANCE[dtype]


@formats
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("h", [1, 16, 40, 128] if NIGHTLY else [1, 40])
@pytest.mark.parametrize(
    ("c", "r", "s"), [(1, 1, 70), (20, 3, 131), (48, 10, 1000), (512, 64, 300)]
)
def test_latent_attention_is_the_definition(c, r, s, h, dtype, kv_format):
    q, entries, _ = qkv(2, h, 1, s, c + r, dtype=dtype)
    parts = entries[:, 0, :, :c], entries[:, 0, :, c:]
    cache = QuantisedLatentCache.from_tensors(*parts, SPLIT_KV, kv_format=kv_format)
    with record_kernels() as kernels:
        o = cache.attend(q[..., :c], q[..., c:], scale=0.07)
    assert kernels.last == SPLIT_KV
    assert o.dtype == dtype
    assert relative_error(o, expected(q, cache.keys, cache.values, 0.07)) < TOLERANCE[dtype]


@formats
@pytest.mark.parametrize("kernel", KERNELS)
def test_slots_past_the_length_may_hold_nan_in_codes_and_scales(kv_format, kernel):
    q, keys, values = qkv(2, 8, 2, 150, 64)
    cache = QuantisedKVCache.from_tensors(keys, values, kernel, kv_format=kv_format)
    latents = keys[:, 0, :, :48], keys[:, 0, :, 48:]
    latent = QuantisedLatentCache.from_tensors(*latents, kernel, kv_format=kv_format)
    for each in (cache, latent):
        each.rewind(100)
        fill_unused_with_nan(each)
    assert relative_error(cache.attend(q), expected(q, cache.keys, cache.values)) < 1e-5
    o = latent.attend(q[..., :48], q[..., 48:], scale=0.2)
    assert relative_error(o, expected(q, latent.keys, latent.values, 0.2)) < 1e-5


@formats
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bad", [NAN, float("inf")])
def test_a_vector_that_is_not_finite_is_not_hidden(kv_format, kernel, bad):
    q, keys, values = qkv(1, 4, 1, 70, 32)
    for which in (keys, values):
        x = which.clone()
        x[0, 0, 66, 3] = bad
        pair = (x, values) if which is keys else (keys, x)
        cache = QuantisedKVCache.from_tensors(*pair, kernel, kv_format=kv_format)
        assert cache.attend(q).isnan().all()
    keys[0, 0, 66, 3] = bad
    parts = keys[:, 0, :, :24], keys[:, 0, :, 24:]
    latent = QuantisedLatentCache.from_tensors(*parts, kernel, kv_format=kv_format)
    assert latent.attend(q[..., :24], q[..., 24:], scale=0.2).isnan().all()


@formats
@pytest.mark.parametrize("size", [1e-6, 30.0, 1e3])
def test_large_and_tiny_scores_are_right(size, kv_format):
    q, keys, values = qkv(1, 8, 2, 500, 64, size=size)
    cache = QuantisedKVCache.from_tensors(keys, values * 1e4, SPLIT_KV, kv_format=kv_format)
    want = expected(q, cache.keys, cache.values)
    assert relative_error(cache.attend(q), want) < (1e-5 if size < 100 else 2e-4)


@formats
def test_several_tokens_are_attended_by_a_named_other_kernel(kv_format):
    _, keys, values = qkv(1, 4, 2, 20, 16)
    q = torch.randn(1, 4, 5, 16)
    cache = QuantisedKVCache.from_tensors(keys, values, SPLIT_KV, kv_format=kv_format)
    with record_kernels() as kernels:
        o = cache.attend(q)
    assert kernels.last == cache.plan.prefill == "packed"
    assert relative_error(o, reference_attention(q, cache.keys, cache.values)) < 1e-5


@formats
def test_a_layer_steps_over_a_quantised_cache_of_its_own(kv_format):
    grouped = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)
    latent = default_mla_for(4, 32)
    for config, kernel in ((grouped, "auto"), (latent, "absorbed"), (latent, "naive")):
        layer = build_layer(config, kernel, dtype=torch.float32, device="cpu")
        x = torch.randn(2, 600, config.dim)
        cache = layer.new_cache(2, 601, kv_format=kv_format)
        plain = layer.new_cache(2, 601)
        for each in (cache, plain):
            layer(x, each)
        token = torch.randn(2, 1, config.dim)
        with torch.inference_mode():
            error = relative_error(layer(token, cache), layer(token, plain))
        assert 0 < error < 2 * FORMAT_ERROR[kv_format]
        assert (cache.kv_format, plain.kv_format) == (kv_format, None)


def test_a_format_that_no_cache_has_is_refused():
    with pytest.raises(
        ValueError, match=r"kv_format must be one of int8_per_token_head, .*: got 'q8"
    ):
        new_cache(QuantisedKVCache, GROUPED, "q8_0", "packed")
    with pytest.raises(
        ValueError, match=r"kv_format must be one of int8_per_token_head, .*: got 'q8"
    ):
        new_cache(QuantisedLatentCache, LATENT, "q8_0", "packed")
