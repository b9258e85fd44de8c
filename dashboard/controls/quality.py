"""The widgets of the page on quality: how heads are pooled, which seed, how long it trains on."""

from __future__ import annotations

import streamlit as st

from dashboard.settings.measurement import PERCENTS, QualitySettings
from dashboard.shell.links import show_link_row, validate_query_param
from dashboard.shell.state import drawn, keep
from gqa_core.records.specs.training import POOLINGS

SEEDS = tuple(range(10))
UPTRAINED = tuple(percent for percent in PERCENTS if percent)


def quality_controls() -> QualitySettings:
    """The conversion that Run measures, and that the figures show."""
    with st.container(border=True):
        with st.grid(3, vertical_alignment="bottom"):
            pooling = _pooling_control()
            percent = _slider(
                "Uptraining (% of the steps)",
                UPTRAINED,
                5,
                "quality_percent",
                "Trained on after the heads are shared, for so much of the training's steps.",
            )
            seed = _slider(
                "Seed", SEEDS, 0, "quality_seed", "Of the batches, and of randomly drawn heads."
            )
        show_link_row(drawn())
    return QualitySettings(pooling=pooling, seed=seed, percent=percent)


def _pooling_control() -> str:
    key = "quality_pooling"
    validate_query_param(key, POOLINGS, POOLINGS[0])
    return keep(
        key,
        st.segmented_control(
            "K and V of a group become",
            POOLINGS,
            default=POOLINGS[0],
            key=key,
            bind="query-params",
            required=True,
            help="The mean of the group's heads, its first head, or new random numbers.",
        ),
    )


def _slider(label: str, options: tuple[int, ...], value: int, key: str, explained: str) -> int:
    validate_query_param(key, options, value)
    return keep(
        key,
        st.select_slider(label, options, value=value, key=key, bind="query-params", help=explained),
    )
