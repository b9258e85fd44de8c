"""The lecture's 400 GB and 3 GB for DeepSeek, as GPUs that are filled."""

import pytest

from dashboard.data.gpu_staircase import gpu_staircase
from dashboard.figures.gpu_staircase import GAP, gpu_staircase_figure
from dashboard.settings.presets import DEEPSEEK
from gqa_core.catalog.devices import devices

H100 = next(device for device in devices() if device.name == "NVIDIA H100 SXM")
STAIRCASE = gpu_staircase(DEEPSEEK, H100)


def test_deepseek_steps_down_from_400_gb_to_3():
    sizes = {stair.variant: stair.cache_bytes / 1e9 for stair in STAIRCASE.stairs}
    assert list(sizes) == ["MHA", "GQA", "MLA", "MQA"]
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    # 61 layers, 100,000 tokens of 2 B: 2 x 128 heads x 128, 2 x 8 x 128, 512 + 64, 2 x 128
    assert list(sizes.values()) == pytest.approx([399.77, 24.99, 7.027, 3.123], rel=1e-3)
    assert [stair.n_gpus for stair in STAIRCASE.stairs] == [5, 1, 1, 1]
    assert [stair.reduction for stair in STAIRCASE.stairs] == pytest.approx(
        [1, 16, 56.89, 128], 1e-3
    )


def test_boxes_are_filled_as_far_as_the_cache_goes():
    figure = gpu_staircase_figure(STAIRCASE)
    (bars,) = [trace for trace in figure.data if trace.type == "bar"]
    filled = {}
    for column, height in zip(bars.x, bars.y, strict=True):
        filled[column] = filled.get(column, 0) + height / (1 - GAP)
    assert [filled[column] * 80 for column in range(4)] == pytest.approx(
        [stair.cache_bytes / 1e9 for stair in STAIRCASE.stairs]
    )
    (sizes,) = [trace for trace in figure.data if trace.name == "sizes"]
    assert sizes.text[0] == "<b>400 GB</b><br>5 GPUs"
    assert "128x less" in figure.layout.xaxis.ticktext[3]
    assert figure.layout.height <= 440
    assert len(figure.to_json()) < 10_000
