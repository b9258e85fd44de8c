"""The cache of every published model, against a table that shows the arithmetic of each figure."""

import pytest

from gqa_core.catalog.models import model, models
from gqa_core.configs import Workload
from gqa_core.theory.memory import (
    kv_bytes_per_token,
    kv_cache_bytes,
    kv_cache_bytes_as_allocated,
)

# Bytes in bf16 of one token that every layer still sees. The arithmetic is in elements, of 2 bytes:
# 2 (K and V) x K/V heads x head_dim x layers, or (kv_lora_rank + qk_rope_head_dim) x layers.
PER_TOKEN = {
    "GPT-2 Small": 36_864,  # 2 x 12 x 64 x 12 layers
    "GPT-2 XL": 307_200,  # 2 x 25 x 64 x 48 layers
    "GPT-3 175B": 4_718_592,  # 2 x 96 x 128 x 96 layers
    "OPT-13B": 819_200,  # 2 x 40 x 128 x 40 layers
    "Llama 2 7B": 524_288,  # 2 x 32 x 128 x 32 layers
    "Llama 2 70B": 327_680,  # 2 x 8 x 128 x 80 layers
    "Llama 3 8B": 131_072,  # 2 x 8 x 128 x 32 layers
    "Llama 3 70B": 327_680,  # 2 x 8 x 128 x 80 layers
    "Llama 3.1 8B": 131_072,  # 2 x 8 x 128 x 32 layers
    "Llama 3.1 70B": 327_680,  # 2 x 8 x 128 x 80 layers
    "Llama 3.1 405B": 516_096,  # 2 x 8 x 128 x 126 layers
    "Llama 3.2 1B": 32_768,  # 2 x 8 x 64 x 16 layers
    "Llama 3.2 3B": 114_688,  # 2 x 8 x 128 x 28 layers
    "Llama 4 Scout": 196_608,  # 2 x 8 x 128 x 48 layers
    "Llama 4 Maverick": 196_608,  # 2 x 8 x 128 x 48 layers
    "Mistral 7B v0.1": 131_072,  # 2 x 8 x 128 x 32 layers
    "Mistral 7B v0.3": 131_072,  # 2 x 8 x 128 x 32 layers
    "Mistral Large 2407": 360_448,  # 2 x 8 x 128 x 88 layers
    "Mixtral 8x7B": 131_072,  # 2 x 8 x 128 x 32 layers
    "Mixtral 8x22B": 229_376,  # 2 x 8 x 128 x 56 layers
    "Falcon 7B": 8_192,  # 2 x 1 x 64 x 32 layers
    "Falcon 40B": 122_880,  # 2 x 8 x 64 x 60 layers
    "Falcon 180B": 163_840,  # 2 x 8 x 64 x 80 layers
    "StarCoder 15B": 20_480,  # 2 x 1 x 128 x 40 layers
    "PaLM 540B": 120_832,  # 2 x 1 x 256 x 118 layers
    "Gemma 2B": 18_432,  # 2 x 1 x 256 x 18 layers
    "Gemma 2 2B": 106_496,  # 2 x 4 x 256 x 26 layers
    "Gemma 2 9B": 344_064,  # 2 x 8 x 256 x 42 layers
    "Gemma 3 270M": 18_432,  # 2 x 1 x 256 x 18 layers
    "Gemma 3 1B": 26_624,  # 2 x 1 x 256 x 26 layers
    "Gemma 3 4B": 139_264,  # 2 x 4 x 256 x 34 layers
    "Gemma 3 12B": 393_216,  # 2 x 8 x 256 x 48 layers
    "Gemma 3 27B": 507_904,  # 2 x 16 x 128 x 62 layers
    "Gemma 3n E4B": 40_960,  # 2 x 2 x 256 x 20 of its 35 layers
    "Gemma 4 31B": 901_120,  # 2 x 16 x 256 x 50 + 2 x 4 x 512 x 10 layers
    "Qwen1.5-7B": 524_288,  # 2 x 32 x 128 x 32 layers
    "Qwen2-0.5B": 12_288,  # 2 x 2 x 64 x 24 layers
    "Qwen2-1.5B": 28_672,  # 2 x 2 x 128 x 28 layers
    "Qwen2-7B": 57_344,  # 2 x 4 x 128 x 28 layers
    "Qwen2-72B": 327_680,  # 2 x 8 x 128 x 80 layers
    "Qwen2.5-0.5B": 12_288,  # 2 x 2 x 64 x 24 layers
    "Qwen2.5-3B": 36_864,  # 2 x 2 x 128 x 36 layers
    "Qwen2.5-7B": 57_344,  # 2 x 4 x 128 x 28 layers
    "Qwen2.5-14B": 196_608,  # 2 x 8 x 128 x 48 layers
    "Qwen2.5-32B": 262_144,  # 2 x 8 x 128 x 64 layers
    "Qwen2.5-72B": 327_680,  # 2 x 8 x 128 x 80 layers
    "Qwen3-0.6B": 114_688,  # 2 x 8 x 128 x 28 layers
    "Qwen3-4B": 147_456,  # 2 x 8 x 128 x 36 layers
    "Qwen3-8B": 147_456,  # 2 x 8 x 128 x 36 layers
    "Qwen3-14B": 163_840,  # 2 x 8 x 128 x 40 layers
    "Qwen3-32B": 262_144,  # 2 x 8 x 128 x 64 layers
    "Qwen3-30B-A3B": 98_304,  # 2 x 4 x 128 x 48 layers
    "Qwen3-235B-A22B": 192_512,  # 2 x 4 x 128 x 94 layers
    "Qwen3-Coder-480B-A35B": 253_952,  # 2 x 8 x 128 x 62 layers
    "Qwen3-Next-80B-A3B": 24_576,  # 2 x 2 x 256 x 12 of its 48 layers
    "Qwen3.5-9B": 32_768,  # 2 x 4 x 256 x 8 of its 32 layers
    "Qwen3.5-27B": 65_536,  # 2 x 4 x 256 x 16 of its 64 layers
    "Qwen3.5-35B-A3B": 20_480,  # 2 x 2 x 256 x 10 of its 40 layers
    "Qwen3.6-27B": 65_536,  # 2 x 4 x 256 x 16 of its 64 layers
    "Phi-3-mini-4k": 393_216,  # 2 x 32 x 96 x 32 layers
    "Phi-3.5-mini": 393_216,  # 2 x 32 x 96 x 32 layers
    "Phi-4": 204_800,  # 2 x 10 x 128 x 40 layers
    "Phi-4-mini": 131_072,  # 2 x 8 x 128 x 32 layers
    "DeepSeek LLM 67B": 389_120,  # 2 x 8 x 128 x 95 layers
    "DeepSeek-V2-Lite": 31_104,  # (512 + 64) x 27 layers
    "DeepSeek-V2": 69_120,  # (512 + 64) x 60 layers
    "DeepSeek-V3": 70_272,  # (512 + 64) x 61 layers
    "DeepSeek-R1": 70_272,  # (512 + 64) x 61 layers
    "DeepSeek-V3.2": 70_272,  # (512 + 64) x 61 layers
    "Kimi K2": 70_272,  # (512 + 64) x 61 layers
    "Kimi K2.5": 70_272,  # (512 + 64) x 61 layers
    "GLM-4-9B": 40_960,  # 2 x 2 x 128 x 40 layers
    "GLM-4.5": 376_832,  # 2 x 8 x 128 x 92 layers
    "GLM-4.6": 376_832,  # 2 x 8 x 128 x 92 layers
    "GLM-5": 89_856,  # (512 + 64) x 78 layers
    "GLM-5.2": 89_856,  # (512 + 64) x 78 layers
    "GLM-4.7-Flash": 54_144,  # (512 + 64) x 47 layers
    "gpt-oss 20B": 49_152,  # 2 x 8 x 64 x 24 layers
    "gpt-oss 120B": 73_728,  # 2 x 8 x 64 x 36 layers
    "Command R 03-2024": 1_310_720,  # 2 x 64 x 128 x 40 layers
    "Command R+ 04-2024": 262_144,  # 2 x 8 x 128 x 64 layers
    "DBRX": 163_840,  # 2 x 8 x 128 x 40 layers
    "Yi-34B": 245_760,  # 2 x 8 x 128 x 60 layers
    "MiniCPM3-4B": 35_712,  # (256 + 32) x 62 layers
    "MiniCPM-2B": 368_640,  # 2 x 36 x 64 x 40 layers
    "OLMo 2 7B": 524_288,  # 2 x 32 x 128 x 32 layers
    "OLMo 2 32B": 262_144,  # 2 x 8 x 128 x 64 layers
    "SmolLM2-135M": 23_040,  # 2 x 3 x 64 x 30 layers
    "SmolLM2-1.7B": 196_608,  # 2 x 32 x 64 x 24 layers
    "TinyLlama-1.1B": 22_528,  # 2 x 4 x 64 x 22 layers
    "Grok-1": 262_144,  # 2 x 8 x 128 x 64 layers
    "LongCat-Flash": 64_512,  # (512 + 64) x 2 x 28 layers
    "Kimi-Linear-48B-A3B": 8_064,  # (512 + 64) x 7 of its 27 layers
    "MiMo-V2-Flash": 222_720,  # (192 + 128) x (8 x 39 + 4 x 9 layers)
    "MiniMax-M2": 253_952,  # 2 x 8 x 128 x 62 layers
    "Falcon-H1-7B": 45_056,  # 2 x 2 x 128 x 44 layers
    "Nemotron-H-8B": 16_384,  # 2 x 8 x 128 x 4 of its 52 layers
    "Nemotron-3-Nano-30B-A3B": 6_144,  # 2 x 2 x 128 x 6 of its 52 layers
    "Jamba v0.1": 16_384,  # 2 x 8 x 128 x 4 of its 32 layers
    "CWM 32B": 262_144,  # 2 x 8 x 128 x 64 layers
}
WINDOWS = {  # (window layers, tokens in a window, layers that see the whole context)
    "Llama 4 Scout": (36, 8192, 12),  # every 4th layer sees the whole context
    "Llama 4 Maverick": (36, 8192, 12),
    "Mistral 7B v0.1": (32, 4096, 0),
    "Gemma 2 2B": (13, 4096, 13),  # alternating
    "Gemma 2 9B": (21, 4096, 21),
    "Gemma 3 270M": (15, 512, 3),
    "Gemma 3 1B": (22, 512, 4),  # every 6th layer sees the whole context
    "Gemma 3 4B": (29, 1024, 5),
    "Gemma 3 12B": (40, 1024, 8),
    "Gemma 3n E4B": (16, 512, 4),  # and 15 that read the caches of earlier ones
    "Gemma 3 27B": (52, 1024, 10),
    "Gemma 4 31B": (50, 1024, 10),
    "Phi-3-mini-4k": (32, 2047, 0),
    "gpt-oss 20B": (12, 128, 12),  # alternating
    "gpt-oss 120B": (18, 128, 18),
    "MiMo-V2-Flash": (39, 129, 9),
    "CWM 32B": (48, 8192, 16),
}
GIB = 2**30


@pytest.mark.parametrize("known", models(), ids=lambda known: known.name)
def test_bytes_per_token_equal_the_table(known):
    assert kv_bytes_per_token(known.config, "bf16") == PER_TOKEN[known.name]


def test_the_table_and_the_catalogue_have_the_same_models():
    assert {known.name for known in models()} == set(PER_TOKEN)
    assert len(PER_TOKEN) >= 60


def test_windows_equal_the_published_ones_and_no_other_model_has_any():
    windows = {}
    for known in models():
        n_layers_by_window = {group.window: group.n_layers for group in known.config}
        n_full = n_layers_by_window.pop(None, 0)
        for window, n_layers in n_layers_by_window.items():
            windows[known.name] = (n_layers, window, n_full)
    assert windows == WINDOWS


def test_gpt_oss_takes_half_if_windows_are_cached_alone():
    # hf-mem, pull request 70: 8,192 tokens x 32 sequences, 6.09 GiB against 12.00
    known, workload = model("gpt-oss 20B").config, Workload(context_len=8192, batch_size=32)
    assert round(kv_cache_bytes(known, workload, "bf16") / GIB, 2) == 6.09
    assert kv_cache_bytes_as_allocated(known, workload, "bf16") == 12 * GIB


def test_a_model_with_only_window_layers_stops_growing():
    known = model("Mistral 7B v0.1")
    for context_len in (4096, known.max_context_len):
        workload = Workload(context_len=context_len)
        assert kv_cache_bytes(known.config, workload, "bf16") == 4096 * 131_072


def test_gemma_4_s_global_layers_have_heads_of_their_own():
    known = model("Gemma 4 31B")
    # 50 layers cache 1,024 tokens of 16 heads of 256, 10 cache all of 4 heads of 512
    expected = 2 * 2 * (50 * 1024 * 16 * 256 + 10 * 262_144 * 4 * 512)
    workload = Workload(context_len=known.max_context_len)
    assert kv_cache_bytes(known.config, workload, "bf16") == expected
    assert known.config.attention is None
    assert model("Gemma 3 27B").config.attention.n_kv_heads == 16


def test_a_hybrid_s_linear_layers_count_as_layers_and_cache_nothing():
    known = model("Qwen3.5-27B")
    assert (known.config.n_layers, known.config.n_caching_layers) == (64, 16)
    cacheless = {other.name for other in models() if other.config.n_cacheless_layers}
    with_state = {other.name for other in models() if other.config.states}
    assert cacheless - with_state == {"Gemma 3n E4B"}  # its last layers share
    assert with_state - cacheless == {"Falcon-H1-7B"}  # each layer has both
