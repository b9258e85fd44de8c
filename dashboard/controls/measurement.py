"""Sliders in, a measurement out: of decode steps, or of what must be equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from dashboard.controls.model_row import fill_model_row, model_row_placeholder
from dashboard.controls.sliders import (
    dtype_control,
    heads_controls,
    kept,
    slider,
    workload_controls,
)
from dashboard.settings.measurement import DecodeSettings, VerifySettings
from dashboard.settings.options import MEASURED_LAYERS
from dashboard.shell.links import validate_query_param
from dashboard.shell.state import keep
from gqa_core.configs import KERNEL_NAMES

T = TypeVar("T")


def decode_controls() -> DecodeSettings:
    """Geometry, workload, dtype and kernel of a measurement."""
    return decode_controls_with(lambda settings: settings)


def decode_controls_with(finish: Callable[[DecodeSettings], T]) -> T:
    """A measurement's sliders, and below them, in the same box, what `finish` asks about it."""
    with st.container(border=True):
        above = model_row_placeholder(measuring=True)
        with st.grid(4):
            heads = heads_controls()
            n_layers = slider(
                "Measured layers",
                MEASURED_LAYERS,
                1,
                "measured_layers",
                "Layers really allocated and walked through; nothing is multiplied up.",
            )
            workload = workload_controls()
            dtype = dtype_control()
            validate_query_param("kernel", KERNEL_NAMES, KERNEL_NAMES[0])
            kernel = kept(
                st.selectbox,
                "Kernel (MHA, GQA, MQA)",
                KERNEL_NAMES,
                key="kernel",
                help="auto picks from a small measured table; every point in full says what ran.",
            )
        settings = DecodeSettings(
            **heads, **workload, n_layers=n_layers, dtype=dtype, kernel=kernel
        )
        finished = finish(settings)
        fill_model_row(settings, above)
    return finished


def verify_controls() -> VerifySettings:
    """Geometry, workload and dtype of comparisons, and the switch that plants a fault."""
    with st.container(border=True):
        above = model_row_placeholder(measuring=True)
        with st.grid(3):
            heads = heads_controls()
            workload = workload_controls()
            dtype = dtype_control()
        validate_query_param("planted", ("true", "false"), False)
        planted = keep(
            "planted",
            st.toggle(
                "Plant the classic error: heads in the wrong order (repeat for repeat_interleave)",
                key="planted",
                bind="query-params",
            ),
        )
        settings = VerifySettings(**heads, **workload, dtype=dtype, planted=planted)
        fill_model_row(settings, above)
    return settings
