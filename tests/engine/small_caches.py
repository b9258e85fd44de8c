"""Small caches of both kinds, part filled, and tensors that fit them."""

import torch

from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.engine import KVCache, LatentCache
from gqa_core.engine.kernels.plan import SPLIT_KV

B, H, K, D, V, C, R = 2, 8, 4, 16, 24, 32, 8
CAPACITY = 70  # of which one page of split_kv is full and the next is begun
GROUPED = GroupedConfig(n_heads=H, n_kv_heads=K, head_dim=D, v_head_dim=V)
LATENT = LatentConfig(
    n_heads=H, kv_lora_rank=C, qk_rope_head_dim=R, qk_nope_head_dim=D, v_head_dim=V
)
KERNELS = ("packed", SPLIT_KV)


def new_kv(t=1, dtype=torch.float32):
    return torch.randn(B, K, t, D).to(dtype), torch.randn(B, K, t, V).to(dtype)


def new_latent(t=1, dtype=torch.float32):
    return torch.randn(B, t, C).to(dtype), torch.randn(B, t, R).to(dtype)


def kv_cache(kernel="packed", dtype=torch.float32, filled=66):
    kwargs = {"batch_size": B, "capacity": CAPACITY, "dtype": dtype, "device": "cpu"}
    cache = KVCache(GROUPED, kernel=kernel, **kwargs)
    cache.append(*new_kv(filled, dtype))
    return cache


def latent_cache(kernel="packed", dtype=torch.float32, filled=66):
    kwargs = {"batch_size": B, "capacity": CAPACITY, "dtype": dtype, "device": "cpu"}
    cache = LatentCache(LATENT, kernel=kernel, **kwargs)
    cache.append(*new_latent(filled, dtype))
    return cache


def snapshot(cache):
    return [cache.length, *(x.clone() for x in cache._storage)]


def assert_unchanged(cache, before):
    length, *storage = before
    assert cache.length == length
    for x, y in zip(cache._storage, storage, strict=True):
        assert torch.equal(x.nan_to_num(1e9), y.nan_to_num(1e9))
