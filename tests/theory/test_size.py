"""The size report: its JSON fields, and the parts that only a config or a split over GPUs adds."""

import json
from dataclasses import replace

import pytest

from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig, Workload
from gqa_core.theory.engines import allocate
from gqa_core.theory.parallelism import Parallelism
from gqa_core.theory.per_gpu import per_gpu_size
from gqa_core.theory.size import size_report
from tests.hf_config.configs import LATENT, LLAMA, report

SIZES = (
    "variant",
    "n_layers",
    "kv_bytes_per_token",
    "kv_cache_bytes",
    "kv_read_bytes",
    "reduction_vs_mha",
    "parts",
    "indexer_bytes_per_token",
    "state_bytes",
    "total_bytes",
)
CONFIG_FIELDS = (
    "kv_cache_bytes_as_allocated",
    "layers",
    "max_context_len",
    "used_keys",
    "assumptions",
    "ignored_keys",
    "not_counted",
    "weights",
    "warnings",
)
PER_GPU = (
    "tp",
    "dp",
    "dcp",
    "pp",
    "n_gpus",
    "kv_copies",
    "sequences_per_gpu",
    "kv_bytes_per_token_per_gpu",
    "kv_cache_bytes_per_gpu",
    "kv_cache_bytes_as_allocated_per_gpu",
    "kv_cache_bytes_all_gpus",
    "total_bytes_per_gpu",
    "wire_bytes_per_layer",
    "wire_bytes_per_step",
    "read_s_per_step",
)
ENGINE = (
    "engine",
    "engine_bytes_per_gpu",
    "engine_ideal_bytes_per_gpu",
    "engine_difference_bytes_per_gpu",
    "engine_bytes_per_sequence",
    "engine_bytes_all_gpus",
    "engine_parts",
    "engine_rules",
)
GQA = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128)
WORKLOAD = Workload(context_len=8192)


def fields(sizes):
    return json.loads(sizes.to_json())


def test_a_report_has_its_documented_fields():
    model = ModelConfig.uniform(GQA, 32)
    sizes = size_report(model, WORKLOAD, "bf16")
    assert set(fields(sizes)) == {*SIZES}
    sharded = replace(sizes, per_gpu=per_gpu_size(model, WORKLOAD, "bf16", Parallelism(tp=16)))
    assert set(fields(sharded)) == {*SIZES, *PER_GPU}
    # one of 8 K/V heads per GPU, each on two GPUs: 2 x 128 x 2 B x 32 layers x 8,192 tokens
    assert fields(sharded)["kv_cache_bytes_per_gpu"] == 2**27
    assert fields(sharded)["kv_cache_bytes_all_gpus"] == 2**31
    assert fields(sharded)["kv_copies"] == 2
    allocation = allocate("vllm", model, WORKLOAD, "bf16")
    assert set(fields(replace(sizes, allocation=allocation))) == {*SIZES, *ENGINE}
    assert set(fields(report(LLAMA))) == {*SIZES, *CONFIG_FIELDS}


def test_a_kind_of_layers_has_the_fields_of_its_variant():
    common = {"count", "kind", "window", "kv_bytes_per_token"}
    attends = common | {"variant", "n_heads", "reduction_vs_mha"}
    mamba, grouped = fields(report(LLAMA, layer_types=["mamba", "attention"] * 16))["layers"]
    assert set(mamba) == common
    assert mamba["kv_bytes_per_token"] == 0
    assert set(grouped) == attends | {"n_kv_heads", "head_dim", "v_head_dim"}
    (latent,) = fields(report(LATENT))["layers"]
    assert set(latent) == attends | {"kv_lora_rank", "qk_rope_head_dim"}


def test_layers_that_differ_have_neither_a_variant_nor_a_reduction():
    window = LayerGroup(attention=GQA, n_layers=2, window=64)
    full = LayerGroup(attention=GQA, n_layers=2)
    for model in (
        ModelConfig(layer_groups=(window, full)),
        ModelConfig(layer_groups=(full,), n_cacheless_layers=2),
    ):
        sizes = size_report(model, WORKLOAD, "bf16")
        assert (sizes.variant, sizes.reduction_vs_mha, sizes.n_layers) == (None, None, 4)
    assert size_report(ModelConfig(layer_groups=(window,)), WORKLOAD, "bf16").variant == "GQA"


def test_an_unknown_format_is_rejected():
    with pytest.raises(ValueError, match="kv_format must be one of"):
        size_report(ModelConfig.uniform(GQA, 1), WORKLOAD, "x")
