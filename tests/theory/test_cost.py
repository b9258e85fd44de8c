"""FLOP and intensity against published figures and against the modules' own matrices."""

import pytest

from gqa_core.configs import GroupedConfig, LatentConfig, ModelConfig, Workload
from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.latent import LATENT_FORMS
from gqa_core.theory.cost import (
    arithmetic_intensity,
    decode_flops,
    projection_flops,
    projection_parameters,
)
from tests.anchors import DEEPSEEK_V3

WORKLOAD = Workload(context_len=4096)


@pytest.mark.parametrize(
    ("attention", "expected"),
    [
        # Grouped: 2 h s 2 d / (2 k s d x 2 B) = h / k.
        (GroupedConfig(n_heads=32, n_kv_heads=32, head_dim=128), 1.0),
        (GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128), 4.0),
        (GroupedConfig(n_heads=32, n_kv_heads=1, head_dim=128), 32.0),
        # Absorbed MLA at 128 heads: 128 x (576 + 512) / 576.
        (DEEPSEEK_V3, 128 * (576 + 512) / 576),
        (DEEPSEEK_V3.expanded, 1.0),
    ],
)
def test_intensity_of_a_decode_step_in_bf16(attention, expected):
    model = ModelConfig.uniform(attention, n_layers=7)
    assert arithmetic_intensity(model, WORKLOAD, "bf16") == pytest.approx(expected, rel=1e-12)


def test_decode_flops_are_two_b_h_s_d_plus_v_per_layer():
    attention = GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=8, v_head_dim=6)
    model = ModelConfig.uniform(attention, n_layers=3)
    # 2 x 5 x 4 x 10 x (8 + 6) x 3
    assert decode_flops(model, Workload(context_len=10, batch_size=5)) == 16_800


@pytest.mark.parametrize("rank", [None, 24])
@pytest.mark.parametrize("form", LATENT_FORMS)
def test_projection_parameters_are_the_latent_modules_matrices(form, rank):
    config = LatentConfig(
        n_heads=4,
        kv_lora_rank=32,
        qk_rope_head_dim=8,
        qk_nope_head_dim=16,
        v_head_dim=12,
        q_lora_rank=rank,
        dim=40,
    )
    assert projection_parameters(config) == matrix_elements(LATENT_FORMS[form](config))


def test_projection_parameters_are_the_grouped_module_s_matrices():
    config = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16, v_head_dim=12, dim=40)
    elements = matrix_elements(GroupedAttention(config))
    assert projection_parameters(config) == elements
    assert projection_flops(ModelConfig.uniform(config, 3), WORKLOAD) == 2 * 3 * elements


def matrix_elements(module):
    return sum(weight.numel() for weight in module.parameters() if weight.ndim > 1)
