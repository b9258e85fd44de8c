"""Widgets of the pages that measure decode steps or compare layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dashboard.controls import model_box as box
from dashboard.controls.model_row import fill_model_row
from dashboard.controls.sidebar import sidebar_box
from dashboard.controls.sliders import BATCH_SIZE, CONTEXT_LEN, DTYPE, heads_controls
from dashboard.settings.measurement import DecodeSettings, VerifySettings
from dashboard.settings.options import CACHE_FORMATS, MEASURED_LAYERS, UNQUANTISED
from dashboard.shell.widgets import Select, Slider, Toggle
from gqa_core.configs import KERNEL_NAMES

T = TypeVar("T")

LAYERS = Slider(
    key="measured_layers",
    label="Measured layers",
    options=MEASURED_LAYERS,
    default=1,
    help="Layers really allocated and computed; no time is multiplied up.",
)
KERNEL = Select(
    key="kernel",
    label="Kernel (MHA, GQA, MQA)",
    options=KERNEL_NAMES,
    default=KERNEL_NAMES[0],
    help="auto chooses from a small table of measurements. The full table of points names the "
    "kernel that ran.",
)
CACHE_FORMAT = Select(
    key="cache_format",
    label="Cache format",
    options=CACHE_FORMATS,
    default=UNQUANTISED,
    help="Quantised: 8 bits per element and a float32 scale per token and head. Measured in turns "
    "with unquantised caches.",
)
PLANTED = Toggle(
    key="planted",
    label="Plant the classic errors",
    help="Heads in the wrong order (`repeat` for `repeat_interleave`), and each scale of a "
    "quantised cache one token late: see the comparisons fail.",
)


def decode_controls_with(finish: Callable[[DecodeSettings], T]) -> T:
    """Draw a measurement's widgets in the sidebar, then those of `finish`; return its result."""
    with sidebar_box() as (placeholder, more):
        box.apply_link(measuring=True)
        heads = heads_controls(more)
        context_len = CONTEXT_LEN.show()
        dtype = DTYPE.show()
        with more:
            settings = DecodeSettings(
                **heads,
                context_len=context_len,
                dtype=dtype,
                batch_size=BATCH_SIZE.show(),
                n_layers=LAYERS.show(),
                cache_format=CACHE_FORMAT.show(),
                kernel=KERNEL.show(),
            )
        result = finish(settings)
    fill_model_row(settings, placeholder)
    return result


def verify_controls() -> VerifySettings:
    """Geometry, workload and dtype of the comparisons, and whether an error is planted."""
    with sidebar_box() as (placeholder, more):
        box.apply_link(measuring=True)
        heads = heads_controls(more)
        context_len = CONTEXT_LEN.show()
        dtype = DTYPE.show()
        planted = PLANTED.show()
        with more:
            batch_size = BATCH_SIZE.show()
        settings = VerifySettings(
            **heads, context_len=context_len, batch_size=batch_size, dtype=dtype, planted=planted
        )
    fill_model_row(settings, placeholder)
    return settings
