"""Predictions against arithmetic by hand: overhead, bound, weights and append."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig, LatentConfig, ModelConfig, Workload
from gqa_core.theory.prediction import Probes, predicted_attend_s, predicted_step_s

GQA = GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=8, dim=16)
WORKLOAD = Workload(context_len=100)
TWO_LAYERS = ModelConfig.uniform(GQA, n_layers=2)
# Two layers over 100 tokens in bf16: 100 x 2 x (8 + 8) x 2 B x 2 = 12,800 B, and
# 2 x 4 heads x 100 x (8 + 8) x 2 = 25,600 FLOP.
PROBES = Probes(read_bandwidth_bytes_per_s=1e4, arithmetic_flops_per_s=1e5, attend_overhead_s=3.0)


def test_the_bound_is_the_slower_of_reading_and_multiplying():
    assert PROBES.bound_s(n_bytes=2e4, flops=1e5) == 2.0
    assert PROBES.bound_s(n_bytes=2e4, flops=5e5) == 5.0
    unprobed = Probes(read_bandwidth_bytes_per_s=1e4)
    assert unprobed.bound_s(n_bytes=2e4, flops=5e5) == 2.0


@pytest.mark.parametrize(("rate", "bound"), [(1e5, 1.28), (1e4, 2.56)])
def test_attention_takes_the_overhead_and_the_bound(rate, bound):
    probes = Probes(
        read_bandwidth_bytes_per_s=1e4, arithmetic_flops_per_s=rate, attend_overhead_s=3.0
    )
    assert predicted_attend_s(TWO_LAYERS, WORKLOAD, "bf16", probes) == pytest.approx(3.0 + bound)


def test_a_step_also_reads_its_weights_once_and_appends_a_token():
    # Weights: q 16 x 32, k and v 16 x 16 each, output 32 x 16: 1,536 x 2 B x 2 layers = 6,144 B.
    # Appended: 128 B. One sequence computes 2 x 3,072 FLOP with them, 0.06 s at 1e5 FLOP/s.
    attend = predicted_attend_s(TWO_LAYERS, WORKLOAD, "bf16", PROBES)
    step = predicted_step_s(TWO_LAYERS, TWO_LAYERS, WORKLOAD, "bf16", PROBES)
    assert step == pytest.approx(attend + 0.6144 + 0.0128)


def test_a_large_batch_computes_longer_with_the_weights_than_it_reads_them():
    large_batch = Workload(context_len=1, batch_size=1000)
    attend = predicted_attend_s(TWO_LAYERS, large_batch, "bf16", PROBES)
    step = predicted_step_s(TWO_LAYERS, TWO_LAYERS, large_batch, "bf16", PROBES)
    assert step == pytest.approx(attend + 1000 * 6144 / 1e5 + 1000 * 0.0128)


def test_naive_mla_appends_what_it_expands_and_projects_with_its_own_matrices():
    latent = LatentConfig(
        n_heads=4, kv_lora_rank=8, qk_rope_head_dim=2, qk_nope_head_dim=8, v_head_dim=8, dim=16
    )
    model, naive = (ModelConfig.uniform(layer, n_layers=1) for layer in (latent, latent.expanded))
    attend = predicted_attend_s(naive, WORKLOAD, "bf16", PROBES)
    # 4 heads x 100 x (10 + 8) x 2 B = 14,400 B
    assert attend == pytest.approx(3.0 + 1.44)
    # q 16 x 40, down 16 x 10, up 8 x 4 x 16, output 32 x 16: 1,824 x 2 B; appended 144 B.
    step = predicted_step_s(model, naive, WORKLOAD, "bf16", PROBES)
    assert step == pytest.approx(attend + 0.3648 + 0.0144)


@given(
    context_len=st.integers(1, 10**6),
    batch_size=st.integers(1, 64),
    bandwidth=st.floats(1e6, 1e13),
    rate=st.floats(1e6, 1e16),
)
def test_no_prediction_is_below_its_bound(context_len, batch_size, bandwidth, rate):
    workload = Workload(context_len=context_len, batch_size=batch_size)
    probes = Probes(read_bandwidth_bytes_per_s=bandwidth, arithmetic_flops_per_s=rate)
    attend = predicted_attend_s(TWO_LAYERS, workload, "fp32", probes)
    n_bytes = 2 * 2 * (8 + 8) * 4 * context_len * batch_size
    flops = 2 * 2 * 4 * (8 + 8) * context_len * batch_size
    assert attend == pytest.approx(max(n_bytes / bandwidth, flops / rate))
    assert predicted_step_s(TWO_LAYERS, TWO_LAYERS, workload, "fp32", probes) > attend
