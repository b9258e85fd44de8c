"""The dtype and the device of a layer are those of its weights, and so are those of its caches."""

import pytest
import torch

from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.engine import AbsorbedLatentAttention, GroupedAttention, NaiveLatentAttention
from gqa_core.engine.build import build_layer

GROUPED = GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=8)
LATENT = LatentConfig(
    n_heads=4, kv_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=8, v_head_dim=8
)
LAYERS = [
    (GroupedAttention, GROUPED),
    (NaiveLatentAttention, LATENT),
    (AbsorbedLatentAttention, LATENT),
]


@pytest.mark.parametrize(("layer_type", "config"), LAYERS)
@pytest.mark.parametrize("capacity", [8, 600])  # for torch's kernels, and for split_kv
@torch.no_grad()
def test_a_cache_follows_a_layer_that_was_converted(layer_type, config, capacity):
    layer = layer_type(config)
    for convert, dtype in (
        (layer.double, torch.float64),
        (layer.bfloat16, torch.bfloat16),
        (layer.half, torch.float16),
        (layer.float, torch.float32),
    ):
        cache = convert().new_cache(1, capacity)
        assert cache.dtype == cache._storage[0].dtype == dtype
        assert cache.device == torch.device("cpu")
        x = torch.randn(1, 1, config.dim, dtype=dtype)
        assert layer(x, cache).dtype == dtype
        assert cache.length == 1


@pytest.mark.parametrize(("layer_type", "config"), LAYERS)
def test_a_cache_follows_a_layer_to_another_device(layer_type, config):
    layer = layer_type(config).to("meta")
    assert layer.factory_kwargs == {"dtype": torch.float32, "device": torch.device("meta")}
    cache = layer.new_cache(1, 600)
    assert cache.device == cache._storage[0].device == torch.device("meta")
    assert cache.plan.decode == "packed"  # split_kv runs on CPUs alone
    cache.append(*layer.project(torch.empty(1, 1, config.dim, device="meta"), 0)[1])
    assert cache.length == 1


@pytest.mark.parametrize(("layer_type", "config"), LAYERS)
@torch.no_grad()
def test_a_cache_of_another_dtype_or_batch_is_refused_and_unchanged(layer_type, config):
    layer = layer_type(config)
    cache = layer.new_cache(2, 8)
    x = torch.randn(2, 1, config.dim)
    layer(x, cache)
    with pytest.raises(ValueError, match=r"must be .* = \(2, .*: got \(1, "):
        layer(x[:1], cache)
    with pytest.raises(ValueError, match="must be float32 on cpu, as the cache is: got float64"):
        layer.double()(x.double(), cache)
    assert cache.length == 1


def test_a_layer_is_built_from_its_config_and_kernel():
    kwargs = {"dtype": torch.float32, "device": "cpu"}
    assert build_layer(GROUPED, "sdpa", **kwargs).kernel == "sdpa"
    assert type(build_layer(LATENT, "naive", **kwargs)) is NaiveLatentAttention
    assert type(build_layer(LATENT, "absorbed", **kwargs)) is AbsorbedLatentAttention
    with pytest.raises(ValueError, match="kernel of MLA must be one of absorbed, naive: got 'sdp"):
        build_layer(LATENT, "sdpa", **kwargs)


def test_the_plan_of_a_layer_is_that_of_its_cache():
    for layer_type, config in LAYERS:
        layer = layer_type(config)
        for capacity, kernel in ((8, "packed"), (600, "split_kv")):
            plan = layer.plan(capacity)
            assert plan == layer.new_cache(1, capacity).plan
            assert plan.requested == "auto"
            is_short_mla = config is LATENT and capacity == 8
            assert plan.decode == ("matmul" if is_short_mla else kernel)
