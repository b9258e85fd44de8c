"""Widgets of the page Capacity: a model, and the GPUs that serve it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import streamlit as st

from dashboard.controls.model import model_controls_with
from dashboard.controls.variant import variant_control
from dashboard.controls.weights import weights_control
from dashboard.data.capacity import Plan
from dashboard.settings.model import ModelSettings
from dashboard.shell.widgets import NumberInput, Select, Slider
from gqa_core import units
from gqa_core.catalog.devices import MAX_MEMORY_GB, devices
from gqa_core.configs import ModelConfig
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.sharding import valid_tp_sizes

OTHER_GPU = "typed in GB"

GPU = Select(
    key="gpu",
    label="GPU",
    options=(*(device.name for device in devices()), OTHER_GPU),
    default="NVIDIA H100 SXM",
    help="Its memory is the number on the vendor's label, read as decimal GB.",
)
GPU_MEMORY = NumberInput(
    key="gpu_gb",
    label="Memory per GPU (GB)",
    minimum=0.1,
    maximum=float(MAX_MEMORY_GB),
    default=80.0,
    help="Decimal GB, before the utilisation.",
)
UTILISATION = NumberInput(
    key="utilisation",
    label="Utilisation (%)",
    minimum=1,
    maximum=100,
    default=90,
    help="Share of a GPU's memory for weights and cache. The rest is left for activations and the "
    "runtime.",
)


def capacity_controls() -> Plan:
    """The deployment that the widgets describe."""
    return model_controls_with(_plan)


def _plan(settings: ModelSettings) -> Plan:
    with st.grid(3, vertical_alignment="bottom"):
        gpu, memory_bytes, source = _gpu_controls()
        variant = variant_control(settings)
        n_gpus = _n_gpus_control(settings.models)
        utilisation = UTILISATION.show()
        weight_bytes = weights_control()
    return Plan(
        gpu=gpu,
        gpu_source=source,
        variant=variant,
        context_len=settings.context_len,
        n_users=settings.batch_size,
        weights_known=weight_bytes is not None,
        deployments={
            name: Deployment(
                memory_bytes=memory_bytes,
                weight_bytes=weight_bytes or 0,
                model=model,
                kv_format=settings.kv_format,
                n_gpus=n_gpus,
                utilisation=Fraction(utilisation, 100),
            )
            for name, model in settings.models.items()
        },
    )


def _gpu_controls() -> tuple[str, int, str | None]:
    """Name, memory in bytes and source of the GPU; draws one more input for another GPU."""
    name = GPU.show()
    if name == OTHER_GPU:
        memory_gb = GPU_MEMORY.show()
        return f"{memory_gb:g} GB GPU", round(memory_gb * units.GB), None
    device = next(device for device in devices() if device.name == name)
    st.caption(f"{units.gigabytes_label(device.memory_bytes)} on the label")
    return name, device.memory_bytes, device.citation


def _n_gpus_control(models: Mapping[str, ModelConfig]) -> int:
    """The number of GPUs, among those that can split the heads of every variant."""
    sizes = set.intersection(*(set(valid_tp_sizes(model)) for model in models.values()))
    return Slider(
        key="n_gpus",
        label="GPUs (tensor parallel)",
        options=sorted(sizes),
        default=1,
        help="One copy of the model is split over this many GPUs. Numbers that cannot split the "
        "heads are not offered.",
    ).show()
