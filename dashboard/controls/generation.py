"""Widgets of the page Why a cache: a small model that generates with and without a cache."""

from __future__ import annotations

from dashboard.controls.sidebar import sidebar_box
from dashboard.settings.measurement import GenerationSettings
from dashboard.settings.options import WHY_CONTEXT_LENS, WHY_HEAD_DIMS, WHY_HEADS, WHY_LAYERS
from dashboard.shell.links import show_link_row
from dashboard.shell.state import current_settings
from dashboard.shell.widgets import Slider

HEADS = Slider(
    key="why_n_heads",
    label="Heads",
    options=WHY_HEADS,
    default=2,
    help="Every head has its own K and V (MHA).",
)
HEAD_DIM = Slider(
    key="why_head_dim",
    label="Head width",
    options=WHY_HEAD_DIMS,
    default=128,
    help="Elements in one head's key (`head_dim`).",
)
LAYERS = Slider(
    key="why_n_layers",
    label="Layers",
    options=WHY_LAYERS,
    default=2,
    help="All of them are computed.",
)
CONTEXT_LEN = Slider(
    key="why_context_len",
    label="Tokens to generate",
    options=WHY_CONTEXT_LENS,
    default=768,
    help="Generated once with a cache and once without. The time without a cache grows with the "
    "third power: twice the tokens take up to eight times as long.",
)


def generation_controls() -> GenerationSettings:
    """The size of the small model and the number of tokens it generates."""
    with sidebar_box() as (placeholder, more):
        context_len, n_heads = CONTEXT_LEN.show(), HEADS.show()
        with more:
            head_dim, n_layers = HEAD_DIM.show(), LAYERS.show()
    with placeholder:
        show_link_row(current_settings())
    settings = GenerationSettings(
        n_heads=n_heads, head_dim=head_dim, n_layers=n_layers, context_len=context_len
    )
    return settings
