"""Weights of Hugging Face checkpoints, loaded by their names, against the published formulas.

The reference below is written from the model code of transformers, with its names and its RoPE
(`rotate_half`, and for DeepSeek the reordering of interleaved pairs before it), and shares nothing
with the engine.
"""

import pytest
import torch

from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.engine import (
    AbsorbedLatentAttention,
    GroupedAttention,
    NaiveLatentAttention,
    deepseek_attention_state,
    llama_attention_state,
)
from tests.tolerances import relative_error

PREFIX = "model.layers.3."
DIM, S, EPS, THETA = 32, 7, 1e-5, 500_000.0
LLAMA = GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=8, dim=DIM)


def deepseek_config(q_lora_rank):
    return LatentConfig(
        n_heads=4,
        kv_lora_rank=16,
        qk_rope_head_dim=6,
        qk_nope_head_dim=8,
        v_head_dim=10,
        q_lora_rank=q_lora_rank,
        dim=DIM,
    )


def weights(shapes):
    """A checkpoint of one layer and some neighbours, in float64; norms are not all ones."""
    generator = torch.Generator().manual_seed(5)
    checkpoint = {
        "model.embed_tokens.weight": torch.zeros(1),
        f"{PREFIX}mlp.gate_proj.weight": torch.zeros(1),
        f"{PREFIX}post_attention_layernorm.weight": torch.zeros(1),
        "model.layers.31.self_attn.q_proj.bias": torch.zeros(1),
    }
    for name, shape in shapes.items():
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        is_norm = "layernorm" in name
        checkpoint[f"{PREFIX}{name}.weight"] = 1 + 0.3 * noise if is_norm else noise / 4
    return checkpoint


def llama_checkpoint():
    return weights(
        {
            "input_layernorm": (DIM,),
            "self_attn.q_proj": (4 * 8, DIM),
            "self_attn.k_proj": (2 * 8, DIM),
            "self_attn.v_proj": (2 * 8, DIM),
            "self_attn.o_proj": (DIM, 4 * 8),
        }
    )


def deepseek_checkpoint(q_lora_rank):
    query = {"self_attn.q_proj": (4 * 14, DIM)}
    if q_lora_rank:
        query = {
            "self_attn.q_a_proj": (q_lora_rank, DIM),
            "self_attn.q_a_layernorm": (q_lora_rank,),
            "self_attn.q_b_proj": (4 * 14, q_lora_rank),
        }
    return weights(
        query
        | {
            "input_layernorm": (DIM,),
            "self_attn.kv_a_proj_with_mqa": (16 + 6, DIM),
            "self_attn.kv_a_layernorm": (16,),
            "self_attn.kv_b_proj": (4 * (8 + 10), 16),
            "self_attn.o_proj": (DIM, 4 * 10),
        }
    )


def rms_norm(x, weight):
    return weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS))


def rotate_half(x):
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


def rotary(x):
    """x (heads, s, d) as transformers' apply_rotary_pos_emb gives it."""
    inv_freq = 1.0 / THETA ** (torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1])
    freqs = torch.outer(torch.arange(x.shape[1], dtype=torch.float64), inv_freq)
    emb = torch.cat((freqs, freqs), dim=-1)
    return x * emb.cos() + rotate_half(x) * emb.sin()


def deinterleave(x):
    """DeepSeek's view(.., d // 2, 2).transpose(4, 3).reshape(.., d) before the rotation."""
    return x.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)


def causal_softmax_attention(q, k, v, scale):
    scores = q @ k.transpose(-1, -2) * scale
    mask = torch.full((S, S), float("-inf"), dtype=torch.float64).triu(1)
    return (scores + mask).softmax(dim=-1) @ v


def heads(x, n):
    return x.view(S, n, -1).transpose(0, 1)


def llama_reference(checkpoint, x):
    w = {name.removeprefix(PREFIX).removesuffix(".weight"): t for name, t in checkpoint.items()}
    x = rms_norm(x, w["input_layernorm"])
    q = rotary(heads(x @ w["self_attn.q_proj"].T, 4))
    k = rotary(heads(x @ w["self_attn.k_proj"].T, 2)).repeat_interleave(2, dim=0)
    v = heads(x @ w["self_attn.v_proj"].T, 2).repeat_interleave(2, dim=0)
    o = causal_softmax_attention(q, k, v, 8**-0.5)
    return o.transpose(0, 1).flatten(1) @ w["self_attn.o_proj"].T


def deepseek_reference(checkpoint, x):
    w = {name.removeprefix(PREFIX).removesuffix(".weight"): t for name, t in checkpoint.items()}
    x = rms_norm(x, w["input_layernorm"])
    if "self_attn.q_a_proj" in w:
        low_rank = rms_norm(x @ w["self_attn.q_a_proj"].T, w["self_attn.q_a_layernorm"])
        q = heads(low_rank @ w["self_attn.q_b_proj"].T, 4)
    else:
        q = heads(x @ w["self_attn.q_proj"].T, 4)
    q_nope, q_pe = q.split((8, 6), dim=-1)
    compressed, k_pe = (x @ w["self_attn.kv_a_proj_with_mqa"].T).split((16, 6), dim=-1)
    kv = rms_norm(compressed, w["self_attn.kv_a_layernorm"]) @ w["self_attn.kv_b_proj"].T
    k_nope, v = heads(kv, 4).split((8, 10), dim=-1)
    q_pe, k_pe = rotary(deinterleave(q_pe)), rotary(deinterleave(k_pe[None]))
    q = torch.cat((q_nope, q_pe), dim=-1)
    k = torch.cat((k_nope, k_pe.expand(4, -1, -1)), dim=-1)
    o = causal_softmax_attention(q, k, v, (8 + 6) ** -0.5)
    return o.transpose(0, 1).flatten(1) @ w["self_attn.o_proj"].T


def tokens():
    return torch.randn(S, DIM, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def outputs(layer, x):
    """The layer's output without a cache, and token by token with one."""
    cache = layer.new_cache(1, S)
    stepped = [layer(token[None, None], cache) for token in x]
    return layer(x[None])[0], torch.cat(stepped, dim=1)[0]


KWARGS = {"norm_eps": EPS, "rope_theta": THETA, "dtype": torch.float64}


@torch.no_grad()
def test_a_llama_layer_computes_what_transformers_computes():
    checkpoint, x = llama_checkpoint(), tokens()
    layer = GroupedAttention(LLAMA, **KWARGS)
    layer.load_state_dict(llama_attention_state(checkpoint, PREFIX))
    for o in outputs(layer, x):
        assert relative_error(o, llama_reference(checkpoint, x)) < 1e-12


@torch.no_grad()
@pytest.mark.parametrize("q_lora_rank", [None, 12])
@pytest.mark.parametrize("layer_type", [NaiveLatentAttention, AbsorbedLatentAttention])
def test_a_deepseek_layer_computes_what_transformers_computes(layer_type, q_lora_rank):
    checkpoint, x = deepseek_checkpoint(q_lora_rank), tokens()
    layer = layer_type(deepseek_config(q_lora_rank), **KWARGS)
    layer.load_state_dict(deepseek_attention_state(checkpoint, PREFIX))
    for o in outputs(layer, x):
        assert relative_error(o, deepseek_reference(checkpoint, x)) < 1e-12


@torch.no_grad()
def test_the_other_convention_of_rope_would_be_seen():
    """Rows permuted to interleaved pairs, as in Meta's own checkpoints, give another output."""
    checkpoint, x = llama_checkpoint(), tokens()
    expected = llama_reference(checkpoint, x)
    for name in ("q_proj", "k_proj"):
        weight = checkpoint[f"{PREFIX}self_attn.{name}.weight"]
        rows = weight.view(-1, 2, 4, DIM).transpose(1, 2).reshape(weight.shape)
        checkpoint[f"{PREFIX}self_attn.{name}.weight"] = rows
    layer = GroupedAttention(LLAMA, **KWARGS)
    layer.load_state_dict(llama_attention_state(checkpoint, PREFIX))
    assert relative_error(layer(x[None])[0], expected) > 1e-3


def test_tensors_are_not_copied_and_other_layers_are_left_out():
    checkpoint = llama_checkpoint()
    state = llama_attention_state(checkpoint, PREFIX)
    assert set(state) == {f"{name}.weight" for name in ("norm", "wq", "wk", "wv", "wo")}
    assert state["wq.weight"] is checkpoint[f"{PREFIX}self_attn.q_proj.weight"]
    old = checkpoint | {f"{PREFIX}self_attn.rotary_emb.inv_freq": torch.zeros(4)}
    assert set(llama_attention_state(old, PREFIX)) == set(state)


@pytest.mark.parametrize(
    ("load", "checkpoint"),
    [
        (llama_attention_state, llama_checkpoint()),
        (deepseek_attention_state, deepseek_checkpoint(None)),
        (deepseek_attention_state, deepseek_checkpoint(12)),
    ],
    ids=["llama", "deepseek", "deepseek-low-rank"],
)
def test_what_is_missing_or_has_no_place_is_named(load, checkpoint):
    missing = f"{PREFIX}self_attn.o_proj.weight"
    rest = {name: tensor for name, tensor in checkpoint.items() if name != missing}
    with pytest.raises(ValueError, match=f"the checkpoint must have {missing}"):
        load(rest, PREFIX)
    with pytest.raises(ValueError, match=r"must have model\.layers\.9\.input_layernorm\.weight"):
        load(checkpoint, "model.layers.9.")
    for name in (
        "self_attn.q_proj.bias",
        "self_attn.q_norm.weight",
        "self_attn.o_proj.weight_scale_inv",
        "input_layernorm.bias",
        "pre_feedforward_layernorm.weight",
    ):
        unknown = f"{PREFIX}{name}"
        with pytest.raises(ValueError, match=f"has no place for {unknown}"):
            load(checkpoint | {unknown: torch.zeros(1)}, PREFIX)
