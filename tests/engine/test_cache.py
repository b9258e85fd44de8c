"""Caches: storage equals the formula, slots fill in order, views share what they should."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig, LatentConfig, ModelConfig, Workload
from gqa_core.engine import KVCache, LatentCache
from gqa_core.theory.formats import DTYPE_FORMATS, dtype_format
from gqa_core.theory.memory import kv_cache_bytes

LATENT = LatentConfig(
    n_heads=4, kv_lora_rank=6, qk_rope_head_dim=2, qk_nope_head_dim=3, v_head_dim=5
)
FACTORY_KWARGS = {"dtype": torch.float32, "device": "cpu"}
small = st.integers(1, 8)


@st.composite
def grouped(draw):
    n_kv_heads = draw(small)
    return GroupedConfig(
        n_heads=n_kv_heads * draw(small),
        n_kv_heads=n_kv_heads,
        head_dim=draw(small),
        v_head_dim=draw(small),
    )


latent = st.builds(
    LatentConfig,
    n_heads=small,
    kv_lora_rank=small,
    qk_rope_head_dim=small,
    qk_nope_head_dim=small,
    v_head_dim=small,
)


@settings(deadline=None)
@given(
    st.one_of(grouped(), latent, latent.map(lambda config: config.expanded)),
    st.integers(1, 50),
    small,
    st.sampled_from(sorted(DTYPE_FORMATS)),
)
def test_tensor_bytes_equal_the_formula(attention, context_len, batch_size, dtype):
    kind = LatentCache if isinstance(attention, LatentConfig) else KVCache
    factory_kwargs = {"dtype": getattr(torch, dtype), "device": "cpu"}
    cache = kind(attention, batch_size=batch_size, capacity=context_len, **factory_kwargs)
    model = ModelConfig.uniform(attention, n_layers=1)
    workload = Workload(context_len=context_len, batch_size=batch_size)
    assert cache.tensor_bytes == kv_cache_bytes(model, workload, dtype_format(dtype))


def test_latent_views_share_one_storage():
    cache = LatentCache(LATENT, batch_size=2, capacity=5, **FACTORY_KWARGS)
    latent, rope_key = torch.randn(2, 3, 6), torch.randn(2, 3, 2)
    cache.append(latent, rope_key)
    assert torch.equal(cache.latent, latent)
    assert torch.equal(cache.rope_key, rope_key)
    assert torch.equal(cache.keys, torch.cat((latent, rope_key), dim=-1)[:, None])
    assert torch.equal(cache.values, latent[:, None])
    pointers = {x.untyped_storage().data_ptr() for x in (cache.latent, cache.keys, cache.values)}
    assert len(pointers) == 1


def test_a_full_cache_refuses_and_keeps_what_it_has():
    cache = KVCache(
        GroupedConfig(n_heads=2, n_kv_heads=1, head_dim=2),
        batch_size=1,
        capacity=3,
        **FACTORY_KWARGS,
    )
    two = torch.ones(1, 1, 2, 2)
    cache.append(two, two)
    with pytest.raises(ValueError, match="1 of 3 slots free: got 2 more tokens"):
        cache.append(two, two)
    assert cache.length == 2
    assert torch.equal(cache.keys, two)


def test_rewind_refuses_what_was_never_written():
    cache = LatentCache(LATENT, batch_size=1, capacity=3, **FACTORY_KWARGS)
    with pytest.raises(ValueError, match="length must be between 0 and 0: got 1"):
        cache.rewind(1)


def test_random_fill_is_seeded_and_fills_every_slot():
    caches = [LatentCache(LATENT, batch_size=1, capacity=4, **FACTORY_KWARGS) for _ in range(2)]
    for cache in caches:
        cache.fill_random(torch.Generator().manual_seed(5))
    assert caches[0].length == 4
    assert torch.equal(caches[0].keys, caches[1].keys)
    assert caches[0].keys.isfinite().all()
