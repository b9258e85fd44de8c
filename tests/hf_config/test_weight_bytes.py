"""Bytes of weights by the config's quantisation, against the sizes of published checkpoints."""

import pytest

from gqa_core.commands.size_text import size_text
from tests.hf_config.configs import LATENT, LLAMA, parse, report

LLAMA_8B = LLAMA | {"intermediate_size": 14336, "vocab_size": 128256, "torch_dtype": "bfloat16"}
DEEPSEEK_V3 = LATENT | {
    "model_type": "deepseek_v3",
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "hidden_size": 7168,
    "q_lora_rank": 1536,
    "vocab_size": 129280,
    "tie_word_embeddings": False,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "moe_layer_freq": 1,
    "first_k_dense_replace": 3,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
}
KIMI_K2 = DEEPSEEK_V3 | {
    "model_type": "kimi_k2",
    "num_attention_heads": 64,
    "num_key_value_heads": 64,
    "n_routed_experts": 384,
    "first_k_dense_replace": 1,
    "vocab_size": 163840,
}
GPT_OSS_20B = {
    "model_type": "gpt_oss",
    "hidden_size": 2880,
    "num_hidden_layers": 24,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "intermediate_size": 2880,
    "num_local_experts": 32,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "sliding_window": 128,
    "vocab_size": 201088,
    "tie_word_embeddings": False,
}
MXFP4 = {
    "quant_method": "mxfp4",
    "modules_to_not_convert": [
        "model.layers.*.self_attn",
        "model.layers.*.mlp.router",
        "model.embed_tokens",
        "lm_head",
    ],
}
GEMMA_3_27B = {
    "model_type": "gemma3",
    "torch_dtype": "bfloat16",
    "text_config": {
        "model_type": "gemma3_text",
        "hidden_size": 5376,
        "intermediate_size": 21504,
        "num_attention_heads": 32,
        "num_hidden_layers": 62,
        "num_key_value_heads": 16,
        "head_dim": 128,
        "sliding_window": 1024,
    },
    "vision_config": {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27},
}
QWEN_3_NEXT_80B = {
    "model_type": "qwen3_next",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "intermediate_size": 5120,
    "moe_intermediate_size": 512,
    "num_experts": 512,
    "shared_expert_intermediate_size": 512,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "full_attention_interval": 4,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_value_head_dim": 128,
    "vocab_size": 151936,
    "tie_word_embeddings": False,
}
NEMOTRON_H_8B = {
    "model_type": "nemotron_h",
    "hidden_size": 4096,
    "num_hidden_layers": 52,
    "hybrid_override_pattern": "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-",
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 21504,
    "mamba_num_heads": 128,
    "mamba_head_dim": 64,
    "n_groups": 8,
    "ssm_state_size": 128,
    "conv_kernel": 4,
    "vocab_size": 131072,
    "tie_word_embeddings": False,
    "mlp_hidden_act": "relu2",
}
LLAMA_4_SCOUT = LLAMA | {
    "model_type": "llama4_text",
    "hidden_size": 5120,
    "num_hidden_layers": 48,
    "num_attention_heads": 40,
    "head_dim": 128,
    "intermediate_size": 8192,
    "intermediate_size_mlp": 16384,
    "interleave_moe_layer_step": 1,
    "num_local_experts": 16,
    "attention_chunk_size": 8192,
    "vocab_size": 202048,
}
FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}


def linear(ignore=("lm_head",), **weights):
    """A checkpoint of compressed-tensors that covers all linear layers but the ignored ones."""
    return {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
        "ignore": list(ignore),
    }


PUBLISHED = {  # name: (config, quantization_config, format, bytes in 10^9)
    "Llama 3.1 8B": (LLAMA_8B, None, "bf16", 16.06),
    # hugging-quants' AWQ and GPTQ, 5.74 GB; RedHatAI's FP8, 9.08; unsloth's bnb-4bit, 5.70
    "Llama 3.1 8B AWQ": (
        LLAMA_8B,
        {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True},
        "int4",
        5.74,
    ),
    "Llama 3.1 8B GPTQ": (
        LLAMA_8B,
        {"quant_method": "gptq", "bits": 4, "group_size": 128},
        "int4",
        5.74,
    ),
    "Llama 3.1 8B FP8": (LLAMA_8B, linear(num_bits=8, type="float"), "fp8", 9.08),
    "Llama 3.1 8B bitsandbytes": (
        LLAMA_8B,
        {
            "quant_method": "bitsandbytes",
            "load_in_4bit": True,
            "bnb_4bit_use_double_quant": True,
        },
        "int4",
        5.70,
    ),
    "Llama 3.1 8B NVFP4": (
        LLAMA_8B,
        {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]},
        "nvfp4",
        6.03,
    ),
    # total_size of the index: 688,586,727,753, of which the next-token layer is 15.4
    "DeepSeek-V3": (DEEPSEEK_V3, FP8, "fp8", 673.2),
    "gpt-oss 20B": (GPT_OSS_20B, MXFP4, "mxfp4", 13.761),  # total_size 13,761,264,768
    "gpt-oss 120B": (
        GPT_OSS_20B
        | {
            "num_hidden_layers": 36,
            "num_local_experts": 128,
            "layer_types": ["sliding_attention", "full_attention"] * 18,
        },
        MXFP4,
        "mxfp4",
        65.25,
    ),
    "Kimi K2 Thinking": (
        KIMI_K2,
        linear(
            (
                "lm_head",
                "re:.*self_attn.*",
                "re:.*shared_experts.*",
                r"re:.*mlp\.(gate|up|gate_up|down)_proj.*",
            ),
            num_bits=4,
            type="int",
            group_size=32,
        ),
        "int4",
        594,
    ),
    "Gemma 3 27B": (GEMMA_3_27B, None, "bf16", 54.86),
    "Qwen3-Next-80B": (QWEN_3_NEXT_80B, None, "bf16", 159.35),
    "Nemotron-H 8B": (NEMOTRON_H_8B, None, "bf16", 16.2),
    "Llama 4 Scout, text": (LLAMA_4_SCOUT, None, "bf16", 215.54),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_are_those_of_the_published_checkpoint(name):
    config, quantization, weight_format, expected = PUBLISHED[name]
    changes = {"quantization_config": quantization} if quantization else {}
    parsed = parse(config, **changes)
    assert parsed.weight_format == weight_format
    assert parsed.estimated_weight_bytes / 1e9 == pytest.approx(expected, rel=0.006)


@pytest.mark.parametrize(
    "quantization",
    [
        {"quant_method": "quark"},
        {"quant_method": "aqlm"},
        {"quant_method": 7},
        {"quant_method": "gptq", "bits": 5},
        {"quant_method": "fp8", "store_dtype": "mxfp4"},
        {"quant_method": "bitsandbytes"},
        {"quant_method": "fp8", "modules_to_not_convert": ["something_else"]},
        {"quant_method": "fp8", "modules_to_not_convert": [7]},
        linear(num_bits=3, type="int"),
        linear(num_bits=4, type="float", group_size=64),
        {"quant_method": "compressed-tensors", "config_groups": {"a": {}, "b": {}}},
        {"quant_method": "compressed-tensors", "config_groups": {"a": {"targets": ["Conv"]}}},
    ],
)
def test_a_method_that_is_not_known_gives_no_size(quantization):
    assert parse(LLAMA_8B, quantization_config=quantization).estimated_weight_bytes is None


def test_layers_that_are_listed_one_by_one_stay_in_16_bits():
    def weights(names):
        quantization = FP8 | {"modules_to_not_convert": names}
        return parse(LLAMA_8B, quantization_config=quantization).estimated_weight_bytes

    attention = 2 * 4096 * 4096 + 2 * 4096 * 1024
    per_weight = 1 - 4 / 128**2  # what 16 bits take more
    query, every = "model.layers.3.self_attn.q_proj", "model.layers.*.self_attn"
    assert weights([query]) - weights([]) == pytest.approx(attention * per_weight, rel=1e-6)
    assert weights([query, "model.layers.3.self_attn.k_proj"]) == weights([query])
    assert weights([every]) - weights([]) == pytest.approx(32 * attention * per_weight, rel=1e-6)
    all_of_a_layer = attention + 3 * 4096 * 14336
    assert weights(["model.layers.3."]) - weights([]) == pytest.approx(
        all_of_a_layer * per_weight, rel=1e-6
    )


def test_an_expression_from_a_config_is_never_run():
    hostile = "re:(a+)+b.*self_attn" + "a" * 300
    quantization = linear([hostile] * 1000, num_bits=8, type="float")
    assert parse(LLAMA_8B, quantization_config=quantization).weight_format == "fp8"


def test_a_report_has_the_weights_or_says_what_to_add_up():
    weights = report(LLAMA_8B).notes.weights
    assert (weights.params, weights.bytes, weights.format) == (
        8_029_995_008,
        16_059_990_016,
        "bf16",
    )
    lines = size_text(report(LLAMA_8B), "bf16").splitlines()
    assert "weights: 16.06 GB in bf16, beside the cache" in lines
    open_config = size_text(report(LLAMA, quantization_config={"quant_method": "quark"}), "bf16")
    assert (
        "weights: not known in quark: add up the sizes of the model's weight files" in open_config
    )


def test_fp32_and_unknown_dtypes():
    assert parse(LLAMA_8B, torch_dtype="float32").weight_format == "fp32"
    assert parse(LLAMA_8B, torch_dtype=..., dtype="bfloat16").weight_format == "bf16"
    unknown = parse(LLAMA_8B, torch_dtype="float4")
    assert (unknown.estimated_weight_bytes, unknown.weight_format) == (None, "unknown")
