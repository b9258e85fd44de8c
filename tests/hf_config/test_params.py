"""The estimated number of parameters, against published ones."""

import pytest

from tests.hf_config.configs import LATENT, LLAMA, parse


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Llama-3.1-8B: 8,030,261,248 published; norms are not counted
        ({"intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False}, 8.03e9),
        ({"intermediate_size": 14336, "vocab_size": 128256}, 8.03e9),  # llama: untied by default
        ({"intermediate_size": 14336, "vocab_size": 128256, "model_type": "unknown"}, None),
        ({"tie_word_embeddings": False, "vocab_size": 128256}, None),
        # Mixtral-8x7B: 46,702,792,704 published
        (
            {
                "intermediate_size": 14336,
                "vocab_size": 32000,
                "tie_word_embeddings": False,
                "num_local_experts": 8,
            },
            46.703e9,
        ),
        # experts in every other layer only (Llama 4 Maverick)
        (
            {
                "intermediate_size": 8192,
                "vocab_size": 32000,
                "tie_word_embeddings": False,
                "num_local_experts": 8,
                "interleave_moe_layer_step": 2,
            },
            None,
        ),
    ],
)
def test_parameters_are_estimated_if_the_config_leaves_nothing_open(changes, expected):
    estimated = parse(LLAMA, **changes).estimated_params
    assert estimated == (expected and pytest.approx(expected, rel=1e-3))


def test_deepseek_v3_s_parameters_follow_from_its_config():
    config = LATENT | {
        "num_hidden_layers": 61,
        "num_attention_heads": 128,
        "hidden_size": 7168,
        "q_lora_rank": 1536,
        "vocab_size": 129280,
        "tie_word_embeddings": False,
        "intermediate_size": 18432,
        "moe_intermediate_size": 2048,
        "first_k_dense_replace": 3,
        "n_routed_experts": 256,
        "n_shared_experts": 1,
    }
    assert parse(config).estimated_params == pytest.approx(671_026_404_352, rel=1e-5)
