"""Sliders in, a measurement out: of decode steps, or of what must be equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from dashboard.controls.around import row_above, show_what_follows
from dashboard.controls.options import MEASURED_LAYERS
from dashboard.controls.sliders import (
    dtype_control,
    heads_controls,
    kept,
    slider,
    workload_controls,
)
from dashboard.frame.kept import keep
from dashboard.frame.links import look_at
from dashboard.model.choices import CheckChoice, DecodeChoice
from gqa_core.configs import KERNEL_NAMES

T = TypeVar("T")


def decode_controls() -> DecodeChoice:
    """Geometry, workload, dtype and kernel of a measurement."""
    return decode_controls_with(lambda choice: choice)


def decode_controls_with(finish: Callable[[DecodeChoice], T]) -> T:
    """A measurement's sliders, and below them, in the same box, what `finish` asks about it."""
    with st.container(border=True):
        above = row_above(measuring=True)
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
            look_at("kernel", KERNEL_NAMES, KERNEL_NAMES[0])
            kernel = kept(
                st.selectbox,
                "Kernel (MHA, GQA, MQA)",
                KERNEL_NAMES,
                key="kernel",
                help="auto picks from a small measured table; every point in full says what ran.",
            )
        choice = DecodeChoice(**heads, **workload, n_layers=n_layers, dtype=dtype, kernel=kernel)
        finished = finish(choice)
        show_what_follows(choice, above)
    return finished


def check_controls() -> CheckChoice:
    """Geometry, workload and dtype of comparisons, and the switch that plants a fault."""
    with st.container(border=True):
        above = row_above(measuring=True)
        with st.grid(3):
            heads = heads_controls()
            workload = workload_controls()
            dtype = dtype_control()
        look_at("planted", ("true", "false"), False)
        planted = keep(
            "planted",
            st.toggle(
                "Plant the classic error: heads in the wrong order (repeat for repeat_interleave)",
                key="planted",
                bind="query-params",
            ),
        )
        choice = CheckChoice(**heads, **workload, dtype=dtype, planted=planted)
        show_what_follows(choice, above)
    return choice
