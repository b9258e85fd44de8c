"""Widgets of the start page: a model, others beside it, and folded the GPU that its cache fills."""

from __future__ import annotations

from dashboard.controls.capacity import gpu_controls
from dashboard.controls.compare import compare_control
from dashboard.controls.model import model_controls_with
from dashboard.controls.weights import weights_control
from dashboard.data.capacity import Plan
from dashboard.data.gpu_fill import fewest_gpus_plan
from dashboard.data.model_comparison import ModelComparison
from dashboard.settings.model import ModelSettings
from dashboard.shell.folded_box import FoldedBox


def overview_controls() -> tuple[ModelSettings, Plan, ModelComparison | None]:
    """A model, the fewest GPUs that hold it, and the models to compare it with, if any."""
    return model_controls_with(_with_plan)


def _with_plan(
    settings: ModelSettings, more: FoldedBox
) -> tuple[ModelSettings, Plan, ModelComparison | None]:
    comparison = compare_control(settings)
    with more:
        gpu, memory_bytes, source = gpu_controls()
        weights = weights_control(settings, more)
    plan = fewest_gpus_plan(
        settings, weights, gpu=gpu, memory_bytes=memory_bytes, gpu_source=source
    )
    return settings, plan, comparison
