"""The widgets of the page on capacity: a model, the GPUs it is to run on, and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

import streamlit as st

from dashboard.controls.model import model_controls_with, variant_control
from dashboard.controls.model_box import chosen_preset
from dashboard.data.capacity import Plan
from dashboard.settings.model import ModelSettings
from dashboard.shell.links import validate_number_param, validate_query_param
from dashboard.shell.panels import escape_markdown
from dashboard.shell.state import keep, move_into
from gqa_core import units
from gqa_core.catalog.devices import MAX_MEMORY_GB, devices
from gqa_core.configs import ModelConfig
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.sharding import valid_tp_sizes

TYPED = "typed in GB"
DEFAULT_GPU = "NVIDIA H100 SXM"
DEFAULT_WEIGHTS_GB = 16.06  # the sliders start as Llama 3 8B: 8.03e9 parameters x 2 B
MAX_WEIGHTS_GB = 100_000.0

Number = TypeVar("Number", int, float)


def capacity_controls() -> Plan:
    """A model's sliders, and below them what serves it."""
    return model_controls_with(_plan)


def _plan(settings: ModelSettings) -> Plan:
    with st.grid(3, vertical_alignment="bottom"):
        gpu, memory_bytes, source = _gpu_control()
        variant = variant_control(settings)
        n_gpus = _n_gpus_control(settings.models)
        utilisation = _number(
            "Utilisation (%)",
            "utilisation",
            (1, 90, 100),
            "Share of a GPU's memory that weights and cache may take; the rest is for activations "
            "and the runtime.",
        )
        weights_gb = _number(
            "Weights in all (GB)",
            "weights_gb",
            (0.0, DEFAULT_WEIGHTS_GB, MAX_WEIGHTS_GB),
            "Decimal GB of the whole model, taken as split evenly over the GPUs. A model sets its "
            "published parameters x 2 bytes (bf16), an imported config those that follow from it; "
            "type less for quantised weights.",
        )
    _warn_of_unknown_weights()
    return Plan(
        gpu=gpu,
        gpu_source=source,
        variant=variant,
        context_len=settings.context_len,
        n_users=settings.batch_size,
        deployments={
            name: Deployment(
                memory_bytes=memory_bytes,
                weight_bytes=round(weights_gb * units.GB),
                model=model,
                kv_format=settings.kv_format,
                n_gpus=n_gpus,
                utilisation=Fraction(utilisation, 100),
            )
            for name, model in settings.models.items()
        },
    )


def _warn_of_unknown_weights() -> None:
    """Say so where a model has no parameters to set the weights by: they stay as they were."""
    if (preset := chosen_preset()) and preset.model and "weights_gb" not in preset.settings:
        st.warning(
            escape_markdown(
                f"How many parameters {preset.name} has is not known here: the weights above are "
                "not its own until you type them."
            )
        )


def _gpu_control() -> tuple[str, int, str | None]:
    """Name, bytes of memory and source of the GPU; one more number where it is typed."""
    known = {device.name: device for device in devices()}
    options = [*known, TYPED]
    validate_query_param("gpu", options, DEFAULT_GPU)
    name = keep(
        "gpu",
        st.selectbox(
            "GPU",
            options,
            index=options.index(DEFAULT_GPU),
            key="gpu",
            bind="query-params",
            help="Its memory is the number on the vendor's label, read as decimal GB.",
        ),
    )
    if name != TYPED:
        st.caption(f"{units.gigabytes_label(known[name].memory_bytes)} on the label")
        return name, known[name].memory_bytes, known[name].citation
    typed = _number(
        "Memory a GPU (GB)",
        "gpu_gb",
        (0.1, 80.0, float(MAX_MEMORY_GB)),
        "Decimal GB, before the utilisation.",
    )
    return f"{typed:g} GB GPU", round(typed * units.GB), None


def _n_gpus_control(models: Mapping[str, ModelConfig]) -> int:
    """How many GPUs; only numbers that can split the heads of every variant are offered."""
    options = sorted(set.intersection(*(set(valid_tp_sizes(model)) for model in models.values())))
    validate_query_param("n_gpus", options, 1)
    move_into("n_gpus", options)
    return keep(
        "n_gpus",
        st.select_slider(
            "GPUs (tensor parallel)",
            options,
            value=1,
            key="n_gpus",
            bind="query-params",
            help="One copy of the model over so many GPUs; what cannot split the heads is left out",
        ),
    )


def _number(label: str, key: str, bounds: tuple[Number, Number, Number], explained: str) -> Number:
    """A typed number between bounds, given as (least, default, most)."""
    least, default, most = bounds
    validate_number_param(key, least, most, default)
    typed = st.number_input(
        label,
        min_value=least,
        max_value=most,
        value=default,
        step=type(default)(1),
        key=key,
        bind="query-params",
        help=explained,
    )
    return keep(key, typed)
