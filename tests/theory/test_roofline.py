"""The roofline: slope of the memory, ceiling of the arithmetic, and the ridge between them."""

import pytest

from gqa_core.catalog.devices import devices
from gqa_core.configs import GroupedConfig, ModelConfig, Workload
from gqa_core.theory.cost import arithmetic_intensity
from gqa_core.theory.roofline import Roof
from tests.anchors import DEEPSEEK_V3

ROOF = Roof(peak_bytes_per_s=10.0, peak_flops_per_s=40.0)


def test_the_roof_rises_with_the_bandwidth_up_to_the_ridge_and_is_flat_above_it():
    assert ROOF.ridge_point == 4.0
    rates = [ROOF.attainable_flops_per_s(intensity) for intensity in (0.5, 2, 4, 100)]
    assert rates == [5.0, 20.0, 40.0, 40.0]
    assert [ROOF.bounded_by(x) for x in (0.5, 3.9, 4, 100)] == ["memory"] * 2 + ["arithmetic"] * 2


def test_without_a_matmul_rate_the_slope_never_ends():
    roof = Roof(peak_bytes_per_s=10.0, peak_flops_per_s=None)
    assert roof.ridge_point is None
    assert roof.attainable_flops_per_s(1000) == 10_000
    assert roof.bounded_by(1000) == "memory"


def test_on_an_h100_memory_bounds_gqa_and_arithmetic_nearly_deepseek_s_mla():
    h100 = next(device for device in devices() if device.name == "NVIDIA H100 SXM")
    roof = Roof(peak_bytes_per_s=h100.bandwidth_bytes_per_s, peak_flops_per_s=h100.flops_per_s)
    assert roof.ridge_point == pytest.approx(989e12 / 3350e9)  # 295 FLOP per byte
    llama = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128)
    intensity = [
        arithmetic_intensity(ModelConfig.uniform(layer, 1), Workload(context_len=4096), "bf16")
        for layer in (llama, DEEPSEEK_V3)
    ]
    assert intensity == pytest.approx([4.0, 241.8], rel=1e-3)
    shares = [roof.attainable_flops_per_s(x) / h100.flops_per_s for x in intensity]
    assert shares == pytest.approx([4 / 295.2, 241.8 / 295.2], rel=1e-3)
