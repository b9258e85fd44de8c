"""Engines: figures of public logs, by each engine's rule, beside the ideal."""

import pytest

from gqa_core.configs import (
    GroupedConfig,
    IndexerKeys,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    RecurrentState,
    Workload,
)
from gqa_core.theory.engines import ENGINES, EngineOptions, allocate, engine_bytes_per_token
from gqa_core.theory.parallelism import Parallelism
from gqa_core.units import GIB, MIB
from tests.anchors import DEEPSEEK_V3


def windows(n_full, n_window, window, *, family="", **heads):
    attention = GroupedConfig(**heads)
    return ModelConfig(
        layer_groups=(
            LayerGroup(attention=attention, n_layers=n_window, window=window),
            LayerGroup(attention=attention, n_layers=n_full),
        ),
        family=family,
    )


GPT_OSS_120B = windows(18, 18, 128, n_heads=64, n_kv_heads=8, head_dim=64, family="gpt_oss")
GEMMA_3_27B = windows(10, 52, 1024, n_heads=32, n_kv_heads=16, head_dim=128)
GEMMA_3_270M = windows(3, 15, 512, n_heads=4, n_kv_heads=1, head_dim=256)
GEMMA_3_1B = windows(4, 22, 512, n_heads=4, n_kv_heads=1, head_dim=256)
LLAMA_4 = windows(12, 36, 8192, n_heads=40, n_kv_heads=8, head_dim=128, family="llama4")
QWEN3_6_27B = ModelConfig(
    layer_groups=(
        LayerGroup(attention=GroupedConfig(n_heads=24, n_kv_heads=4, head_dim=256), n_layers=16),
    ),
    n_cacheless_layers=48,
    states=(
        RecurrentState(
            kind="linear attention",
            n_layers=48,
            conv_elements=3 * (2 * 16 * 128 + 48 * 128),
            recurrent_elements=48 * 128 * 128,
        ),
    ),
)
V2_LITE = ModelConfig.uniform(
    LatentConfig(
        n_heads=16, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
    ),
    27,
)


def allocated(name, model, context_len, *, batch_size=1, kv_format="bf16", tp=1, **options):
    workload = Workload(context_len=context_len, batch_size=batch_size)
    return allocate(
        name,
        model,
        workload,
        kv_format,
        parallelism=Parallelism(tp=tp),
        options=EngineOptions(**options),
    )


def kind_bytes(allocation, kind):
    return sum(part.allocated_bytes for part in allocation.parts if part.kind == kind)


@pytest.mark.parametrize(("batched", "gib"), [(1024, "4.540"), (2048, "4.575"), (8192, "4.786")])
def test_vllm_s_windows_keep_a_step_s_tokens_besides(batched, gib):
    # 18 layers x 2,048 B x 131,072 = 4.5 GiB; 18 x 2,048 x (127 + batched, in blocks, and one more)
    allocation = allocated("vllm", GPT_OSS_120B, 131_072, max_num_batched_tokens=batched)
    assert f"{allocation.gpu_bytes / GIB:.3f}" == gib
    assert f"{allocation.ideal_gpu_bytes / GIB:.3f}" == "4.504"
    assert allocated("as-allocated", GPT_OSS_120B, 131_072).gpu_bytes == 9 * GIB


def test_a_short_context_takes_no_more_than_its_blocks():
    allocation = allocated("vllm", GPT_OSS_120B, 1000)
    assert allocation.gpu_bytes == 36 * 2048 * 1008
    assert allocated("vllm", GPT_OSS_120B, 1000, block_size=64).gpu_bytes == 36 * 2048 * 1024


def test_vllm_pads_short_groups_of_layers():
    # 22 window layers in groups of 4: 24 layers' pages. A short context: 28 layers instead of 26.
    allocation = allocated("vllm", GEMMA_3_1B, 4096)
    assert allocation.gpu_bytes == 28 * 1024 * 4096
    assert kind_bytes(allocation, "padding") == 2 * 1024 * 4096


@pytest.mark.parametrize("name", ["vllm", "as-allocated"])
def test_llama_4_is_allocated_in_full_on_each_of_eight_gpus(name):
    # 48 layers x 1 K/V head x 2 x 128 x 2 B x 1,048,576 tokens; ideal: 12 in full, 36 of 8,192
    allocation = allocated(name, LLAMA_4, 2**20, tp=8)
    assert allocation.gpu_bytes == 24 * GIB
    assert f"{allocation.ideal_gpu_bytes / GIB:.2f}" == "6.14"


def test_llama_cpp_has_cells_for_the_window_and_a_micro_batch():
    # 52 layers x 8,192 B x (1,024 + 512) = 624 MiB
    allocation = allocated("llama.cpp", GEMMA_3_27B, 32_768)
    assert kind_bytes(allocation, "window cache") == 624 * MIB
    ideal = allocated("ideal", GEMMA_3_27B, 32_768)
    assert kind_bytes(ideal, "window cache") == 416 * MIB
    smaller = allocated("llama.cpp", GEMMA_3_27B, 32_768, n_ubatch=128)
    assert kind_bytes(smaller, "window cache") == 52 * 8192 * 1280


@pytest.mark.parametrize(("context_len", "slots", "mib"), [(4096, 1, 27), (2048, 2, 42)])
def test_llama_cpp_s_slots_each_have_their_window(context_len, slots, mib):
    # 1,024 B per token and layer. One slot: 3 x 4,096 and 15 x 1,024; two: 2 x (3 x 2,048, ...)
    allocation = allocated("llama.cpp", GEMMA_3_270M, context_len, batch_size=slots)
    assert allocation.gpu_bytes == mib * MIB


def test_llama_cpp_s_cells_are_multiples_of_256_and_no_more_than_the_context():
    allocation = allocated("llama.cpp", GEMMA_3_270M, 600)
    assert allocation.gpu_bytes == 18 * 1024 * 768


def test_states_are_a_fixed_cost_per_sequence():
    # llama.cpp keeps both in fp32: 48 x (786,432 + 30,720) x 4 B x 4 sequences = 598.5 MiB
    allocation = allocated("llama.cpp", QWEN3_6_27B, 65_536, batch_size=4)
    assert 4 * kind_bytes(allocation, "state") == 598.5 * MIB
    assert 4 * kind_bytes(allocation, "token cache") == 16_384 * MIB
    # vLLM: pages of 784 tokens hold a state of 3,207,168 B, x 4,096 B = 3,211,264 B, and
    # prefix caching takes a second one, as the 619,202 tokens of a public log do
    allocation = allocated("vllm", QWEN3_6_27B, 65_536)
    assert kind_bytes(allocation, "state") == 2 * 48 * 784 * 4096
    assert kind_bytes(allocation, "token cache") == 16 * 84 * 784 * 4096
    assert allocation.sequence_bytes > allocation.ideal_sequence_bytes


def test_expanded_mla_can_be_asked_for():
    # 27 x 16 x (192 + 128) x 2 B = 276,480 B per token; vLLM pads values to 192
    assert engine_bytes_per_token("transformers", V2_LITE, "bf16", context_len=64) == 276_480
    options = EngineOptions(mla="expanded")
    per_token = engine_bytes_per_token("ideal", V2_LITE, "bf16", context_len=64, options=options)
    assert per_token == 276_480
    assert (
        engine_bytes_per_token("vllm", V2_LITE, "bf16", context_len=64, options=options)
        == 27 * 16 * 2 * 192 * 2
    )
    assert engine_bytes_per_token("vllm", V2_LITE, "bf16", context_len=64) == 27 * 576 * 2
    latent = EngineOptions(mla="latent")
    assert (
        engine_bytes_per_token("transformers", V2_LITE, "bf16", context_len=64, options=latent)
        == 27 * 576 * 2
    )


def test_transformers_repeats_falcon_40b_s_heads_and_no_other_s():
    layer = GroupedConfig(n_heads=128, n_kv_heads=8, head_dim=64)
    falcon = ModelConfig(layer_groups=(LayerGroup(attention=layer, n_layers=60),), family="falcon")
    per_token = 60 * 2 * 64 * 2
    assert engine_bytes_per_token("transformers", falcon, "bf16", context_len=9) == 128 * per_token
    assert engine_bytes_per_token("vllm", falcon, "bf16", context_len=16) == 8 * per_token
    other = ModelConfig.uniform(layer, 60)
    assert engine_bytes_per_token("transformers", other, "bf16", context_len=9) == 8 * per_token


@pytest.mark.parametrize(
    ("name", "kv_format", "n_bytes"),
    [
        ("vllm", "fp8_ds_mla", 656 + 132),
        ("vllm", "bf16", 1152 + 132),
        ("sglang", "bf16", 1152 + 132),
        ("llama.cpp", "q8_0", 612 + 136),
        ("llama.cpp", "bf16", 1152 + 256),
    ],
)
def test_each_engine_has_its_format_of_indexer_keys(name, kv_format, n_bytes):
    model = ModelConfig(
        layer_groups=(LayerGroup(attention=DEEPSEEK_V3, n_layers=61),),
        indexers=(IndexerKeys(n_layers=61, head_dim=128),),
    )
    assert engine_bytes_per_token(name, model, kv_format, context_len=1024) == 61 * n_bytes


def test_glm_5_s_indexer_in_llama_cpp():
    # 78 layers x 128 x 34 / 32 B x 65,536 tokens = 663 MiB
    model = ModelConfig(
        layer_groups=(LayerGroup(attention=DEEPSEEK_V3, n_layers=78),),
        indexers=(IndexerKeys(n_layers=78, head_dim=128),),
    )
    allocation = allocated("llama.cpp", model, 65_536, kv_format="q8_0")
    assert kind_bytes(allocation, "indexer keys") == 663 * MIB


def test_sglang_s_window_pool_is_four_fifths_of_the_full_one():
    allocation = allocated("sglang", GPT_OSS_120B, 10_000)
    assert kind_bytes(allocation, "window cache") == 18 * 2048 * 8000
    unknown = windows(18, 18, 128, n_heads=64, n_kv_heads=8, head_dim=64)
    assert allocated("sglang", unknown, 10_000).gpu_bytes == 36 * 2048 * 10_000


@pytest.mark.parametrize(
    ("name", "model", "parallelism", "sentence"),
    [
        ("vllm", V2_LITE, {"tp": 8, "dcp": 8}, None),
        ("vllm", GEMMA_3_270M, {"tp": 4, "dcp": 2}, "vLLM has no dcp for layers with a window"),
        (
            "vllm",
            ModelConfig.uniform(GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=64), 2),
            {"tp": 8, "dcp": 2},
            "dcp must be at most tp / n_kv_heads in vLLM: got 2, tp 8 and 8 K/V heads",
        ),
        ("sglang", GEMMA_3_270M, {"tp": 4, "dcp": 2}, "MLA layers alone over dcp"),
        ("llama.cpp", V2_LITE, {"tp": 2, "dcp": 2}, "llama.cpp has no decode context"),
        ("transformers", V2_LITE, {"tp": 2, "dcp": 2}, "transformers has no decode context"),
    ],
)
def test_engines_refuse_splits_that_they_do_not_have(name, model, parallelism, sentence):
    def run():
        return allocate(
            name,
            model,
            Workload(context_len=1024),
            "bf16",
            parallelism=Parallelism(**parallelism),
        )

    if sentence is None:
        assert run().sequence_bytes == run().ideal_sequence_bytes == 27 * 576 * 2 * 128
        return
    with pytest.raises(ValueError, match=sentence):
        run()


def test_every_rule_has_its_source():
    for engine in ENGINES.values():
        assert engine.rules
        assert all(rule.text and rule.source for rule in engine.rules)
    with pytest.raises(ValueError, match=r"engine must be one of ideal, .*: got 'x'"):
        allocated("x", V2_LITE, 1)
