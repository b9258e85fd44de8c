"""Split-KV attention over caches laid out for it, against the definition in float64."""

import threading

import numpy as np
import pytest
import torch

from gqa_core.engine import KVCache, LatentCache, decode_attention
from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.kernels.plan import SPLIT_KV
from gqa_core.engine.reference import reference_attention
from gqa_core.engine.split_kv.attention import _as_numpy
from gqa_core.engine.split_kv.plain import plain_split_kv
from gqa_core.engine.split_kv.vectors import LANES, USES_BF16_DOT
from tests.tolerances import TOLERANCE, relative_error

CONTEXTS = (1, 7, 63, 64, 65, 1000, 4097)
SHARED = [(1, 1), (4, 4), (8, 2), (6, 2), (7, 1), (32, 1), (128, 1), (128, 8)]  # h, k


def qkv(b, h, k, s, d, v=None, dtype=torch.float32, size=1.0):
    generator = torch.Generator().manual_seed(7)
    shapes = (b, h, 1, d), (b, k, s, d), (b, k, s, v or d)
    q, keys, values = (torch.randn(*shape, generator=generator) for shape in shapes)
    return (q * size).to(dtype), keys.to(dtype), values.to(dtype)


def expected(q, k, v, scale=None):
    """The definition, all at once: one token sees every other, so no mask is needed."""
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    k, v = (x.double().repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))
    return ((q.double() @ k.transpose(-1, -2)) * scale).softmax(dim=-1) @ v


def test_a_default_device_of_torch_changes_nothing():
    q, k, v = qkv(1, 8, 2, 100, 64)
    with torch.device("meta"):
        cache = KVCache.from_tensors(k, v, SPLIT_KV)
        o = cache.attend(q)
    assert o.device.type == "cpu"
    assert relative_error(expected(q, k, v), o) < TOLERANCE[torch.float32]


def test_expected_is_the_reference():
    q, k, v = qkv(2, 6, 2, 9, 8, 5)
    assert relative_error(expected(q, k, v), reference_attention(q, k, v)) < 1e-12


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("s", CONTEXTS)
@pytest.mark.parametrize(("h", "k"), SHARED)
def test_every_sharing_at_every_context_is_the_definition(h, k, s, dtype):
    q, keys, values = qkv(1, h, k, s, 64, dtype=dtype)
    cache = KVCache.from_tensors(keys, values, SPLIT_KV)
    assert cache.plan.decode == SPLIT_KV
    o = cache.attend(q)
    assert o.dtype == dtype
    assert o.shape == (1, h, 1, 64)
    assert relative_error(o, expected(q, keys, values)) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("d", [1, 64, 72, 80, 96, 128, 192, 256])
@pytest.mark.parametrize("b", [1, 3, 8])
def test_every_head_width_and_batch_is_the_definition(b, d, dtype):
    q, keys, values = qkv(b, 8, 2, 130, d, dtype=dtype)
    o = KVCache.from_tensors(keys, values, SPLIT_KV).attend(q)
    assert relative_error(o, expected(q, keys, values)) < TOLERANCE[dtype]


@pytest.mark.parametrize(("d", "v"), [(192, 128), (64, 256), (96, 7)])
def test_keys_and_values_of_different_widths(d, v):
    q, keys, values = qkv(2, 8, 4, 200, d, v)
    o = KVCache.from_tensors(keys, values, SPLIT_KV).attend(q, scale=0.3)
    assert relative_error(o, expected(q, keys, values, scale=0.3)) < 1e-5


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("s", CONTEXTS)
@pytest.mark.parametrize("h", [1, 16, 40, 128])
def test_latent_attention_is_the_definition(h, s, dtype):
    b, c, r = 2, 48, 10
    q, entries, _ = qkv(b, h, 1, s, c + r, dtype=dtype)
    cache = LatentCache.from_tensors(entries[:, 0, :, :c], entries[:, 0, :, c:], SPLIT_KV)
    assert cache.plan.decode == SPLIT_KV
    o = cache.attend(q[..., :c], q[..., c:], scale=0.11)
    assert o.dtype == dtype
    want = expected(q, entries, entries[..., :c], scale=0.11)
    assert relative_error(o, want) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("c", "r"), [(1, 1), (5, 2), (20, 3), (33, 64)])
def test_latents_that_are_not_whole_vectors(c, r, dtype):
    q, entries, _ = qkv(2, 70, 1, 131, c + r, dtype=dtype)
    cache = LatentCache.from_tensors(entries[:, 0, :, :c], entries[:, 0, :, c:], SPLIT_KV)
    want = expected(q, entries, entries[..., :c], scale=0.3)
    assert relative_error(cache.attend(q[..., :c], q[..., c:], scale=0.3), want) < TOLERANCE[dtype]


@pytest.mark.parametrize("h", [16, 32, 128])
def test_latent_attention_of_deepseek_s_widths(h):
    q, entries, _ = qkv(1, h, 1, 300, 576)
    cache = LatentCache.from_tensors(entries[:, 0, :, :512], entries[:, 0, :, 512:], SPLIT_KV)
    o = cache.attend(q[..., :512], q[..., 512:], scale=192**-0.5)
    assert relative_error(o, expected(q, entries, entries[..., :512], 192**-0.5)) < 1e-5


@pytest.mark.parametrize("size", [1e-6, 1e-2, 30.0, 1e3])
def test_large_and_tiny_scores_are_right(size):
    q, keys, values = qkv(1, 8, 2, 500, 64, size=size)
    o = KVCache.from_tensors(keys, values, SPLIT_KV).attend(q)
    assert relative_error(o, expected(q, keys, values)) < (1e-5 if size < 100 else 1e-4)


def test_a_maximum_that_rises_with_every_page_is_followed():
    q, keys, values = qkv(1, 4, 1, 1000, 32)
    keys = q[:, :1] * torch.arange(1000).view(1, 1, 1000, 1) / 50
    o = KVCache.from_tensors(keys, values, SPLIT_KV).attend(q)
    assert relative_error(o, expected(q, keys, values)) < 1e-5


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("s", [99, 100])
@pytest.mark.parametrize("kernel", [SPLIT_KV, "packed"])
def test_slots_past_the_length_may_hold_nan(kernel, s, dtype):
    q, keys, values = qkv(2, 8, 2, s, 64, dtype=dtype)
    longer = [torch.full((2, 2, 150, 64), float("nan"), dtype=dtype) for _ in range(2)]
    for long, short in zip(longer, (keys, values), strict=True):
        long[:, :, :s] = short
    cache = KVCache.from_tensors(*longer, kernel=kernel)
    cache.rewind(s)
    assert relative_error(cache.attend(q), expected(q, keys, values)) < TOLERANCE[dtype]
    latent = LatentCache.from_tensors(longer[0][:, 0, :, :48], longer[0][:, 0, :, 48:], kernel)
    latent.rewind(s)
    o = latent.attend(q[..., :48], q[..., 48:], scale=0.2)
    want = expected(q, keys[:, :1], keys[:, :1, :, :48], scale=0.2)
    assert relative_error(o, want) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_nan_in_a_slot_that_is_read_is_not_hidden(dtype):
    q, keys, values = qkv(1, 4, 1, 70, 32, dtype=dtype)
    keys[0, 0, 66, 3] = float("nan")
    assert KVCache.from_tensors(keys, values, SPLIT_KV).attend(q).isnan().all()


@pytest.mark.parametrize("kernel", [SPLIT_KV, "packed", "matmul"])
def test_tokens_appended_one_by_one_or_many_are_read_back_and_attended(kernel):
    q, keys, values = qkv(2, 4, 2, 140, 16)
    cache = KVCache.from_tensors(keys[:, :, :1], values[:, :, :1], kernel=kernel)
    assert torch.equal(cache.keys, keys[:, :, :1])
    full = KVCache.from_tensors(torch.zeros_like(keys), torch.zeros_like(values), kernel=kernel)
    full.rewind(0)
    for start, stop in ((0, 1), (1, 63), (63, 64), (64, 131), (131, 140)):
        full.append(keys[:, :, start:stop], values[:, :, start:stop])
        assert torch.equal(full.keys, keys[:, :, :stop])
        assert torch.equal(full.values, values[:, :, :stop])
    assert relative_error(full.attend(q), expected(q, keys, values)) < 1e-5


@pytest.mark.parametrize(
    ("s", "dtype", "ran"),
    [
        (512, torch.float32, SPLIT_KV),
        (511, torch.float32, "packed"),
        (511, torch.bfloat16, "matmul"),
        (512, torch.float64, "packed"),
    ],
)
def test_auto_takes_split_kv_for_long_caches_that_it_serves(s, dtype, ran):
    q, keys, values = qkv(1, 4, 2, s, 16, dtype=dtype)
    cache = KVCache.from_tensors(keys, values)
    with record_kernels() as kernels:
        o = cache.attend(q)
    assert cache.plan.decode == kernels.last == ran
    assert relative_error(o, expected(q, keys, values)) < 2e-2


def test_several_tokens_go_to_a_named_other_kernel_and_see_what_came_before():
    _, keys, values = qkv(1, 4, 2, 20, 16)
    q = torch.randn(1, 4, 5, 16)
    cache = KVCache.from_tensors(keys, values, SPLIT_KV)
    with record_kernels() as kernels:
        o = cache.attend(q)
        assert kernels.last == cache.plan.prefill == "packed"
        cache.attend(q[:, :, :1])
        assert kernels.last == cache.plan.decode == SPLIT_KV
    assert kernels.names == {"packed", SPLIT_KV}
    assert relative_error(o, reference_attention(q, keys, values)) < 1e-5


def test_non_contiguous_inputs_change_nothing():
    q, keys, values = qkv(2, 8, 2, 90, 64)
    strided = [x.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0) for x in (q, keys, values)]
    assert not any(x.is_contiguous() for x in strided)
    o = KVCache.from_tensors(*strided[1:], SPLIT_KV).attend(strided[0])
    assert relative_error(o, expected(q, keys, values)) < 1e-5


def test_the_rest_of_a_page_that_is_entered_is_cleared():
    _, keys, values = qkv(1, 2, 2, 200, 16)
    cache = KVCache.from_tensors(keys, values, SPLIT_KV)
    pages = cache._k.storage
    assert pages[:, :, 3, :, 8:].abs().max() == 0
    cache.rewind(100)
    cache.append(keys[:, :, :40], values[:, :, :40])
    assert pages[:, :, 2, :, 12:].abs().max() == 0  # entered again
    assert torch.equal(cache.keys[:, :, 100:], keys[:, :, :40])


def test_padding_is_what_pages_and_whole_vectors_take_and_slots_are_the_formula():
    _, keys, values = qkv(2, 3, 3, 70, 24, 20)
    cache = KVCache.from_tensors(keys, values, SPLIT_KV)
    assert cache.tensor_bytes == 2 * 3 * 70 * (24 + 20) * 4
    stored = -(-20 // LANES) * LANES
    assert cache.padding_bytes == 2 * 3 * ((128 - 70) * 24 + 70 * (stored - 20)) * 4
    assert KVCache.from_tensors(keys, values, "eager").padding_bytes == 0


def test_what_split_kv_cannot_do_is_refused_and_auto_takes_another():
    _, keys, values = (x.double() for x in qkv(1, 4, 2, 9, 16))
    with pytest.raises(ValueError, match=r"split_kv must have a CPU and one of float32, .*float64"):
        KVCache.from_tensors(keys, values, kernel=SPLIT_KV)
    with pytest.raises(ValueError, match="kernel must be one of"):
        KVCache.from_tensors(keys, values, kernel="paged")
    assert KVCache.from_tensors(keys, values).plan.decode == "packed"
    q = torch.randn(1, 4, 1, 16).double()
    with pytest.raises(ValueError, match="must share a float dtype"):
        KVCache.from_tensors(keys.float(), values.float(), SPLIT_KV).attend(q)
    with pytest.raises(ValueError, match=r"latent must be \(b, s, c\)"):
        LatentCache.from_tensors(keys[0], values[0, :1])


@pytest.mark.parametrize("n_chunks", [1, 2, 5])
def test_the_plain_form_is_the_definition_and_the_fast_form_is_the_plain_one(n_chunks):
    q, keys, values = (x.double() for x in qkv(2, 6, 2, 300, 24))
    rows = q.reshape(2, 2, 3, 24)
    plain = plain_split_kv(rows, keys, values, 24**-0.5, n_chunks).reshape(2, 6, 1, 24)
    assert relative_error(plain, expected(q, keys, values)) < 1e-12
    fast = decode_attention(q.float(), keys.float(), values.float(), kernel=SPLIT_KV)
    assert relative_error(fast, plain) < 1e-5


def test_an_output_in_bfloat16_is_that_of_float32_rounded_once_or_with_its_weights():
    q, keys, values = qkv(2, 8, 2, 500, 64, dtype=torch.bfloat16)
    o = KVCache.from_tensors(keys, values, SPLIT_KV).attend(q)
    wide = KVCache.from_tensors(keys.float(), values.float(), SPLIT_KV).attend(q.float())
    rounded_once = relative_error(wide.bfloat16(), wide)
    if USES_BF16_DOT:
        assert relative_error(o, wide) < 2 * rounded_once  # two such errors, of random sign
    else:
        assert torch.equal(o, wide.bfloat16())


@pytest.mark.parametrize("scale", [-0.3, 0.0, 1e-3])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_any_scale_is_that_of_the_scores(scale, dtype):
    q, keys, values = qkv(1, 8, 2, 77, 64, dtype=dtype)
    o = KVCache.from_tensors(keys, values, SPLIT_KV).attend(q, scale=scale)
    assert relative_error(o, expected(q, keys, values, scale=scale)) < TOLERANCE[dtype]
    latent = LatentCache.from_tensors(keys[:, 0, :, :48], keys[:, 0, :, 48:], SPLIT_KV)
    o = latent.attend(q[..., :48], q[..., 48:], scale=scale)
    want = expected(q, keys[:, :1], keys[:, :1, :, :48], scale=scale)
    assert relative_error(o, want) < TOLERANCE[dtype]


def test_threads_may_attend_over_one_cache_at_once():
    q, keys, values = qkv(1, 8, 2, 777, 64)
    cache, want, errors = (
        KVCache.from_tensors(keys, values, SPLIT_KV),
        expected(q, keys, values),
        [],
    )

    def attend():
        errors.extend(relative_error(cache.attend(q), want) for _ in range(30))

    threads = [threading.Thread(target=attend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 120
    assert max(errors) < 1e-5


def test_a_view_of_half_precision_is_the_same_memory():
    x = torch.tensor([1.0, -2.0], dtype=torch.bfloat16)
    assert _as_numpy(x).dtype == np.uint16
    _as_numpy(x)[0] = 0x4040
    assert x[0] == 3.0
