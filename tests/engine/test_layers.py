"""The attention modules against the definitions, with a cache, without one, and in both forms."""

import pytest
import torch

from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.kernels.dispatch import TORCH_KERNELS
from gqa_core.engine.latent import LATENT_FORMS
from gqa_core.engine.layer import decode_step
from gqa_core.engine.reference import reference_grouped, reference_latent
from tests.cpu_kernels import CPU_KERNELS
from tests.tolerances import TOLERANCE, relative_error

GROUPED = [
    GroupedConfig(n_heads=8, n_kv_heads=k, head_dim=16, v_head_dim=v, dim=48)
    for k, v in ((8, 16), (4, 16), (2, 24), (1, 16))
]
LATENT = [
    LatentConfig(
        n_heads=4,
        kv_lora_rank=32,
        qk_rope_head_dim=8,
        qk_nope_head_dim=16,
        v_head_dim=12,
        q_lora_rank=rank,
        dim=48,
    )
    for rank in (None, 24)
]
LAYERS = [("grouped", config) for config in GROUPED]
LAYERS += [(form, config) for form in LATENT_FORMS for config in LATENT]


def build(form, config, dtype=torch.float32):
    """A layer with weights that are the same for every form, and norms that are not all ones."""
    torch.manual_seed(7)
    layer = LATENT_FORMS[form](config) if form in LATENT_FORMS else GroupedAttention(config)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, mean=0.0, std=parameter.shape[-1] ** -0.5)
    for module in layer.modules():
        if isinstance(module, torch.nn.RMSNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return layer.to(dtype)


@pytest.fixture(params=LAYERS, ids=lambda p: f"{p[0]}-{p[1].variant}-{p[1].n_heads}")
def layer(request):
    return build(*request.param)


def tokens(n, dim=48, batch=2, dtype=torch.float32):
    return torch.randn(batch, n, dim, generator=torch.Generator().manual_seed(3)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("form", "config"), LAYERS)
@torch.no_grad()
def test_layer_with_a_cache_is_the_definition(form, config, dtype):
    layer = build(form, config, dtype)
    x = tokens(9, dtype=dtype)
    reference = reference_grouped if form == "grouped" else reference_latent
    expected = torch.stack([reference(config, layer.state_dict(), row) for row in x])
    cache = layer.new_cache(batch_size=2, capacity=12)
    parts = [layer(x[:, :5], cache)] + [layer(x[:, i : i + 1], cache) for i in range(5, 9)]
    assert relative_error(torch.cat(parts, dim=1), expected) < TOLERANCE[dtype]


@torch.no_grad()
def test_cached_equals_uncached_and_prefill_then_decode_equals_one_long_prefill(layer):
    x = tokens(11)
    layer = layer.double()
    x = x.double()
    uncached = layer(x)
    long, short = layer.new_cache(2, 11), layer.new_cache(2, 11)
    prefilled = layer(x, long)
    stepped = [layer(x[:, :6], short)] + [layer(x[:, i : i + 1], short) for i in range(6, 11)]
    assert relative_error(prefilled, uncached) < 1e-12
    assert relative_error(torch.cat(stepped, dim=1), uncached) < 1e-12


@torch.no_grad()
def test_nan_in_unused_slots_changes_nothing(layer):
    x = tokens(6)
    clean, poisoned = layer.new_cache(2, 32), layer.new_cache(2, 32)
    for cache, value in ((clean, 0.0), (poisoned, float("nan"))):
        for storage in cache._storage:
            storage.fill_(value)
    for step in x.split(1, dim=1):
        assert torch.equal(layer(step, clean), layer(step, poisoned))


@torch.no_grad()
def test_a_batch_row_alone_equals_the_row_in_a_batch(layer):
    layer = layer.double()
    x = tokens(5, batch=3).double()
    assert relative_error(layer(x)[1:2], layer(x[1:2])) < 1e-12


@torch.no_grad()
def test_a_step_repeats_after_a_rewind(layer):
    x = tokens(7)
    cache = layer.new_cache(2, 7)
    layer(x[:, :6], cache)
    first = layer(x[:, 6:], cache)
    cache.rewind(6)
    assert torch.equal(layer(x[:, 6:], cache), first)


def test_gradients_flow_to_every_weight_without_a_cache(layer):
    x = tokens(5).requires_grad_()
    layer(x).square().sum().backward()
    assert x.grad.abs().sum() > 0
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("config", LATENT)
@torch.no_grad()
def test_absorbed_equals_naive(config):
    naive, absorbed = (
        build("naive", config, torch.float64),
        build("absorbed", config, torch.float64),
    )
    absorbed.load_state_dict(naive.state_dict())
    x = tokens(8, dtype=torch.float64)
    wide, narrow = naive.new_cache(2, 8), absorbed.new_cache(2, 8)
    for step in x.split(1, dim=1):
        assert relative_error(absorbed(step, narrow), naive(step, wide)) < 1e-13


@torch.no_grad()
def test_gqa_with_n_kv_heads_equal_n_heads_is_mha():
    """GQA whose K/V heads are copied for every query head must be the MHA with those heads."""
    gqa = build("grouped", GROUPED[1], torch.float64)
    mha = build("grouped", GROUPED[0], torch.float64)
    state = gqa.state_dict()
    for name in ("wk.weight", "wv.weight"):
        shared = state[name].view(4, 16, 48)
        state[name] = torch.stack([shared[head // 2] for head in range(8)]).reshape(128, 48)
    mha.load_state_dict(state)
    x = tokens(6, dtype=torch.float64)
    assert relative_error(gqa(x), mha(x)) < 1e-13


@pytest.mark.parametrize("kernel", [name for name in TORCH_KERNELS if name in CPU_KERNELS])
def test_a_layer_attends_with_the_kernel_it_was_given(kernel, monkeypatch):
    ran = []
    for name, run in list(TORCH_KERNELS.items()):
        spy = lambda *a, name=name, run=run, **k: ran.append(name) or run(*a, **k)  # noqa: E731
        monkeypatch.setitem(TORCH_KERNELS, name, spy)
    GroupedAttention(GROUPED[1], kernel=kernel)(tokens(3))
    assert ran == [kernel]


def test_a_decode_step_walks_every_layer_and_names_every_phase():
    layers = [build("grouped", GROUPED[1]) for _ in range(3)]
    caches = [layer.new_cache(2, 4) for layer in layers]
    laps = []
    x = tokens(1)
    with torch.no_grad():
        y = decode_step(layers, caches, x, laps.append)
    assert laps == ["project", "append", "attend", "output"] * 3
    assert [cache.length for cache in caches] == [1, 1, 1]
    assert not torch.equal(x, y)


def test_an_odd_rotated_width_is_refused():
    with pytest.raises(ValueError, match="head_dim must be even, since RoPE rotates pairs: got 5"):
        GroupedAttention(GroupedConfig(n_heads=2, n_kv_heads=1, head_dim=5))
