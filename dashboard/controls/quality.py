"""Widgets of the page Quality: how heads are pooled, for how long the model trains on, the seed."""

from __future__ import annotations

from dashboard.controls.sidebar import sidebar_box
from dashboard.settings.measurement import PERCENTS, QualitySettings
from dashboard.shell.links import show_link_row
from dashboard.shell.state import current_settings
from dashboard.shell.widgets import Segmented, Slider
from gqa_core.records.specs.training import POOLINGS

POOLING = Segmented(
    key="quality_pooling",
    label="Pool each group's K/V heads by",
    options=POOLINGS,
    default=POOLINGS[0],
    help="The shared head becomes the mean of the group's heads, a copy of its first head, or "
    "new random numbers.",
)
PERCENT = Slider(
    key="quality_percent",
    label="Uptraining (% of the steps)",
    options=tuple(percent for percent in PERCENTS if percent),
    default=5,
    help="How long the model trains on once its heads are shared, in percent of the original "
    "training steps.",
)
SEED = Slider(
    key="quality_seed",
    label="Seed",
    options=tuple(range(10)),
    default=0,
    help="Seeds the order of the batches and the random heads.",
)


def quality_controls() -> QualitySettings:
    """The conversion that Run measures and that the figures show."""
    with sidebar_box() as (placeholder, more):
        pooling, percent = POOLING.show(), PERCENT.show()
        with more:
            settings = QualitySettings(pooling=pooling, percent=percent, seed=SEED.show())
    with placeholder:
        show_link_row(current_settings())
    return settings
