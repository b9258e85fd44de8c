"""Heads on GPUs: none lost, copies counted, published figures, and splits that are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig, Workload
from gqa_core.theory.memory import kv_bytes_per_token, kv_cache_bytes
from gqa_core.theory.sharding import (
    gpu_shards,
    n_replicas,
    rank_tokens,
    shard,
    shard_model,
    valid_tp_sizes,
)
from tests.anchors import DEEPSEEK_V3

LLAMA_70B = ModelConfig.uniform(GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=128), 80)


@pytest.mark.parametrize(
    ("tp", "per_gpu"),
    [
        (1, 327_680),  # 2 x 8 x 128 x 80 layers x 2 B
        (2, 163_840),
        (8, 40_960),  # one K/V head per GPU
        (16, 40_960),  # still one: each is replicated twice
    ],
)
def test_llama_70b_s_published_bytes_per_token_and_gpu(tp, per_gpu):
    assert kv_bytes_per_token(shard_model(LLAMA_70B, tp), "bf16") == per_gpu


def test_the_sum_over_16_gpus_is_twice_llama_70b_s_cache():
    in_all = 16 * kv_bytes_per_token(shard_model(LLAMA_70B, 16), "bf16")
    assert in_all == 2 * kv_bytes_per_token(LLAMA_70B, "bf16")
    assert n_replicas(LLAMA_70B.layer_groups[0].attention, 16) == 2


def test_every_gpu_holds_all_of_a_latent():
    deepseek = ModelConfig.uniform(DEEPSEEK_V3, 61)
    assert kv_bytes_per_token(shard_model(deepseek, 8), "bf16") == 70_272
    assert n_replicas(DEEPSEEK_V3, 8) == 8
    assert [shard_of_gpu.is_copy for shard_of_gpu in gpu_shards(DEEPSEEK_V3, 4)] == [
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("n_heads", "n_kv_heads", "tp", "sentence"),
    [
        (32, 8, 3, "tp must divide n_heads: got 3 and 32"),
        (32, 8, 64, "tp must divide n_heads: got 64 and 32"),
        (48, 6, 4, "tp must divide n_kv_heads, or be a multiple of it: got 4 and 6"),
        (32, 8, 0, "tp must be between 1 and 1024: got 0"),
    ],
)
def test_an_impossible_split_is_refused(n_heads, n_kv_heads, tp, sentence):
    attention = GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=64)
    for function in (shard, gpu_shards, n_replicas):
        with pytest.raises(ValueError, match=sentence):
            function(attention, tp)


def test_the_valid_splits_are_those_that_are_not_refused():
    attention = GroupedConfig(n_heads=48, n_kv_heads=6, head_dim=64)
    assert valid_tp_sizes(ModelConfig.uniform(attention, 2)) == (1, 2, 3, 6, 12, 24, 48)
    both = ModelConfig(
        layer_groups=(
            LayerGroup(attention=attention, n_layers=1),
            LayerGroup(attention=DEEPSEEK_V3, n_layers=1),
        )
    )
    assert valid_tp_sizes(both) == (
        1,
        2,
    )  # 3 splits 48 heads, not 128; 4 does not split 6 K/V heads


powers = st.integers(0, 5).map(lambda power: 2**power)


@given(powers, powers, st.integers(1, 64), powers, st.integers(1, 2**20))
def test_gpus_together_hold_the_cache_and_no_less(k, g, d, tp, context_len):
    attention = GroupedConfig(n_heads=k * g, n_kv_heads=k, head_dim=d)
    if attention.n_heads % tp:
        return
    model, workload = ModelConfig.uniform(attention, 3), Workload(context_len=context_len)
    cache_bytes = kv_cache_bytes(model, workload, "bf16")
    in_all = tp * kv_cache_bytes(shard_model(model, tp), workload, "bf16")
    assert in_all >= cache_bytes
    assert (in_all == cache_bytes) == (k % tp == 0)
    assert in_all == cache_bytes * n_replicas(attention, tp)


@given(powers, powers, powers)
def test_every_query_head_is_on_one_gpu_with_the_k_v_head_it_reads(k, g, tp):
    attention = GroupedConfig(n_heads=k * g, n_kv_heads=k, head_dim=8)
    if attention.n_heads % tp:
        return
    shards = gpu_shards(attention, tp)
    assert [head for shard_of_gpu in shards for head in shard_of_gpu.query_heads] == list(
        range(k * g)
    )
    for shard_of_gpu in shards:
        assert {head // g for head in shard_of_gpu.query_heads} == set(shard_of_gpu.kv_heads)
    first_copies = [
        head
        for shard_of_gpu in shards
        if not shard_of_gpu.is_copy
        for head in shard_of_gpu.kv_heads
    ]
    assert first_copies == list(range(k))


@given(powers, powers, powers, powers)
def test_a_dcp_group_shares_its_heads_and_groups_split_them_as_gpus_without_dcp(k, g, tp, dcp):
    attention = GroupedConfig(n_heads=k * g, n_kv_heads=k, head_dim=8)
    if attention.n_heads % tp or tp % dcp:
        return
    shards, groups = gpu_shards(attention, tp, dcp), gpu_shards(attention, tp // dcp)
    assert [head for each in shards for head in each.query_heads] == list(range(k * g))
    for each in shards:
        group = groups[each.gpu // dcp]
        assert each.group_heads == group.query_heads
        assert each.kv_heads == group.kv_heads
        assert each.dcp_rank == each.gpu % dcp
        assert set(each.query_heads) <= set(each.group_heads)
        assert {head // g for head in each.group_heads} == set(each.kv_heads)


@given(st.integers(1, 2**20), st.integers(1, 64))
def test_the_ranks_of_a_dcp_group_keep_every_token_once(context_len, dcp):
    tokens = [rank_tokens(context_len, dcp, rank) for rank in range(dcp)]
    assert sum(tokens) == context_len
    assert tokens == [len(range(rank, context_len, dcp)) for rank in range(dcp)]


def test_dcp_removes_the_copies_of_a_latent():
    assert [each.is_copy for each in gpu_shards(DEEPSEEK_V3, 4, 4)] == [False] * 4
    assert [each.is_copy for each in gpu_shards(DEEPSEEK_V3, 4, 2)] == [False, False, True, True]
    with pytest.raises(ValueError, match="dcp must divide tp: got 3 and 4"):
        gpu_shards(DEEPSEEK_V3, 4, 3)
