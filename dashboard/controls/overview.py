"""Widgets of the start page: a model, and folded the GPU and the weights that its cache fills."""

from __future__ import annotations

from streamlit.delta_generator import DeltaGenerator

from dashboard.controls.capacity import gpu_controls
from dashboard.controls.model import model_controls_with
from dashboard.controls.weights import weights_control
from dashboard.data.capacity import Plan
from dashboard.data.gpu_fill import fewest_gpus_plan
from dashboard.settings.model import ModelSettings


def overview_controls() -> tuple[ModelSettings, Plan]:
    """A model, and the fewest GPUs that hold it."""
    return model_controls_with(_with_plan)


def _with_plan(settings: ModelSettings, more: DeltaGenerator) -> tuple[ModelSettings, Plan]:
    with more:
        gpu, memory_bytes, source = gpu_controls()
        weight_bytes = weights_control()
    plan = fewest_gpus_plan(
        settings, weight_bytes, gpu=gpu, memory_bytes=memory_bytes, gpu_source=source
    )
    return settings, plan
