"""Parts of what a model keeps: their kinds and bytes, and that they add up to the total."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import (
    CrossAttention,
    GroupedConfig,
    IndexerKeys,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    RecurrentState,
    Workload,
)
from gqa_core.theory.memory import kv_bytes_per_token, kv_cache_bytes
from gqa_core.theory.parts import (
    indexer_bytes_per_token,
    memory_parts,
    state_bytes,
    total_bytes,
)

GQA = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=64)
MLA = LatentConfig(
    n_heads=128, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
)
V3_2 = ModelConfig(
    layer_groups=(LayerGroup(attention=MLA, n_layers=61),),
    indexers=(IndexerKeys(n_layers=61, head_dim=128),),
)
HYBRID = ModelConfig(
    layer_groups=(
        LayerGroup(attention=GQA, n_layers=2, window=512),
        LayerGroup(attention=GQA, n_layers=1, caches_per_layer=2),
    ),
    n_cacheless_layers=3,
    states=(
        RecurrentState(kind="state-space", n_layers=3, conv_elements=10, recurrent_elements=100),
    ),
    cross_attention=(CrossAttention(attention=GQA, n_layers=3, source_len=7),),
)


def test_deepseek_v3_2_keeps_656_and_132_bytes_per_token_and_layer_in_fp8():
    latent, keys = memory_parts(V3_2, "fp8_ds_mla")
    assert (latent.kind, latent.bytes_per_token) == ("latent", 61 * 656)
    assert (keys.kind, keys.bytes_per_token) == ("indexer keys", 61 * 132)


@pytest.mark.parametrize(
    ("kv_format", "n_bytes"), [("bf16", 256), ("q8_0", 136), ("fp8", 132), ("nvfp4", 132)]
)
def test_an_indexer_key_of_128_elements(kv_format, n_bytes):
    model = ModelConfig(layer_groups=V3_2.layer_groups, indexers=V3_2.indexers)
    assert indexer_bytes_per_token(model, kv_format) == 61 * n_bytes


def test_k_and_v_alone_are_counted_without_indexer_and_state():
    # 2 heads x (64 + 64) x 2 bytes = 512 per cache; 2 window layers, 1 layer with 2 caches
    assert kv_bytes_per_token(HYBRID, "bf16") == 4 * 512
    assert kv_cache_bytes(HYBRID, Workload(context_len=1024), "bf16") == 512 * (2 * 512 + 2 * 1024)


def test_a_state_is_of_one_sequence_whatever_its_length():
    assert state_bytes(HYBRID) == 3 * (10 * 2 + 100 * 4)
    state = next(part for part in memory_parts(HYBRID, "bf16") if part.kind == "state")
    assert state.sequence_bytes(1) == state.sequence_bytes(10**6) == 3 * 420


def test_cross_attention_is_kept_for_each_source_token():
    cross = memory_parts(HYBRID, "bf16")[-1]
    assert (cross.kind, cross.bytes_per_sequence) == ("cross-attention cache", 3 * 512 * 7)


@given(context_len=st.integers(1, 10**6), batch_size=st.integers(1, 1000))
def test_parts_add_up_to_the_total(context_len, batch_size):
    workload = Workload(context_len=context_len, batch_size=batch_size)
    parts = memory_parts(HYBRID, "bf16")
    assert sum(part.bytes(workload) for part in parts) == total_bytes(HYBRID, workload, "bf16")
    constant_bytes = state_bytes(HYBRID) + parts[-1].bytes_per_sequence
    cache = kv_cache_bytes(HYBRID, workload, "bf16")
    assert total_bytes(HYBRID, workload, "bf16") == cache + batch_size * constant_bytes


def test_a_model_of_states_alone_caches_no_tokens():
    state = RecurrentState(kind="state-space", n_layers=4, recurrent_elements=8)
    model = ModelConfig(layer_groups=(), n_cacheless_layers=4, states=(state,))
    assert kv_bytes_per_token(model, "bf16") == 0
    assert total_bytes(model, Workload(context_len=99), "bf16") == 4 * 8 * 4
