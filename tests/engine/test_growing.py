"""Caches that grow in other ways: the same K and V as the preallocated one, other bytes."""

import pytest
import torch

from gqa_core.configs import GroupedConfig
from gqa_core.engine.growing import ConcatenatedCache, PagedCache
from gqa_core.engine.kv_cache import KVCache

CONFIG = GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=8)
TOKEN_BYTES = 2 * 2 * 8 * 4  # K and V, 2 heads, width 8, 4 bytes


@pytest.mark.parametrize("cache", [ConcatenatedCache(), PagedCache(4)], ids=["cat", "paged"])
def test_every_policy_holds_the_same_keys_and_values(cache):
    preallocated = KVCache(CONFIG, batch_size=1, capacity=11, dtype=torch.float32, device="cpu")
    for _ in range(11):
        k, v = torch.randn(1, 2, 1, 8), torch.randn(1, 2, 1, 8)
        preallocated.append(k, v)
        cache.append(k, v)
        assert torch.equal(cache.keys, preallocated.keys)
        assert torch.equal(cache.values, preallocated.values)


def test_bytes_held_are_rounded_up_to_blocks_or_not_at_all():
    paged, joined = PagedCache(4), ConcatenatedCache()
    assert paged.tensor_bytes == joined.tensor_bytes == 0
    for n in range(1, 10):
        for cache in (paged, joined):
            cache.append(torch.randn(1, 2, 1, 8), torch.randn(1, 2, 1, 8))
        assert joined.tensor_bytes == n * TOKEN_BYTES
        assert paged.tensor_bytes == -(-n // 4) * 4 * TOKEN_BYTES


def test_a_paged_cache_takes_one_token_at_a_time():
    with pytest.raises(ValueError, match="one token at a time: got 2"):
        PagedCache(4).append(torch.randn(1, 2, 2, 8), torch.randn(1, 2, 2, 8))
