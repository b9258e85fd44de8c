"""Widgets of the page that recommends K/V heads: a model, its GPUs, and the limits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import streamlit as st

from dashboard.controls import model_box
from dashboard.controls.capacity import GPU, N_GPUS, UTILISATION, gpu_controls, memory_controls
from dashboard.controls.model import model_controls_with
from dashboard.controls.parallel import engine_control
from dashboard.controls.weights import FORMAT, weights_control
from dashboard.data.choice import Choice, Gpus, choice
from dashboard.settings.model import ModelSettings
from dashboard.settings.options import MAX_TP
from dashboard.shell.folded_box import FoldedBox
from dashboard.shell.number_inputs import NumberInput, OptionalNumberInput
from dashboard.shell.state import remember
from dashboard.shell.widgets import MultiSelect, Slider
from gqa_core.catalog.devices import devices
from gqa_core.configs import MAX_BATCH_SIZE
from gqa_core.records.specs.training import divisors

__all__ = ["choose_controls", "take_kv_heads"]

USERS = NumberInput(
    key="users",
    label="Users at once",
    minimum=1,
    maximum=MAX_BATCH_SIZE,
    default=100,
    help="A limit: so many sequences of the context above must fit.",
)
MAX_MS = OptionalNumberInput(
    key="max_ms",
    label="Longest step (ms per token)",
    minimum=0.001,
    maximum=3_600_000.0,
    default=None,
    placeholder="no limit",
    help="A limit on the predicted time of a step of all these users: weights and caches, read "
    "once at the bandwidth on the GPU's label.",
)
MLA_RANKS = MultiSelect(
    key="mla_ranks",
    label="MLA's latents",
    options=(64, 128, 256, 384, 512, 768, 1024, 1536, 2048),
    placeholder="the model's own, or 4 x head width",
    help="Widths of the cached latent to consider. DeepSeek-V2 has four times the head width.",
)


def choose_controls() -> Choice:
    """The question that the widgets ask."""
    return model_controls_with(_choice, has_batch=False)


def take_kv_heads(key: str) -> None:
    """Set the sliders to the K/V heads of the row that was clicked in the chart with this key."""
    points: list[dict[str, Any]] = st.session_state[key].selection.points
    numbers = [number for point in points if isinstance(number := _number(point), int)]
    if numbers:
        st.session_state["n_kv_heads"] = remember("n_kv_heads", numbers[0])


def _number(point: dict[str, Any]) -> object:
    """The number that a point carries; Plotly wraps it in a list for some traces."""
    data = point.get("customdata")
    return data[0] if isinstance(data, list) and data else data


def _choice(settings: ModelSettings, more: FoldedBox) -> Choice:
    n_users = USERS.show()
    name, memory_bytes, source = gpu_controls()
    with more:
        tp = Slider(
            key=N_GPUS,
            label="GPUs (tensor parallel)",
            options=[tp for tp in sorted(divisors(settings.n_heads)) if tp <= MAX_TP],
            default=1,
            help="The heads are split over this many GPUs. Numbers of K/V heads that cannot be "
            "split so fail.",
        ).show()
        max_ms = MAX_MS.show()
        weights = weights_control(settings, more)
        engine = engine_control()
        utilisation = UTILISATION.show()
        memory_bytes, overhead_bytes = memory_controls(memory_bytes, engine)
        mla_ranks = MLA_RANKS.show()
    return choice(
        settings,
        model_box.chosen_preset(),
        Gpus(
            name=name,
            source=source,
            memory_bytes=memory_bytes,
            bandwidth_bytes_per_s=_bandwidth(),
            tp=tp,
            utilisation=Fraction(utilisation, 100),
            overhead_bytes=overhead_bytes,
            engine=engine,
        ),
        weights=weights,
        weight_format=str(st.session_state.get(FORMAT.key, FORMAT.default)),
        n_users=n_users,
        max_ms=max_ms,
        mla_ranks=tuple(mla_ranks),
    )


def _bandwidth() -> float | None:
    """The bandwidth on the chosen GPU's label; None for memory that was typed."""
    chosen = st.session_state.get(GPU.key, GPU.default)
    return next(
        (device.bandwidth_bytes_per_s for device in devices() if device.name == chosen), None
    )
