"""Widgets of several pages: heads, workload and number format.

Impossible combinations are not offered: the number of K/V heads divides that of the query heads.
"""

from __future__ import annotations

from dataclasses import replace

from dashboard.controls import link_model
from dashboard.controls.imports import import_presets
from dashboard.controls.kv_heads import kv_heads_control
from dashboard.settings.options import (
    BATCH_SIZES,
    CONTEXT_LENS,
    DEFAULT_N_HEADS,
    HEAD_DIMS,
)
from dashboard.shell.folded_box import FoldedBox
from dashboard.shell.number_inputs import NumberInput
from dashboard.shell.widgets import Slider
from gqa_core.configs import MAX_HEADS
from gqa_core.theory.formats import DTYPE_FORMATS

QUERY_HEADS = NumberInput(
    key="n_heads",
    label="Query heads",
    minimum=1,
    maximum=MAX_HEADS,
    default=DEFAULT_N_HEADS,
    help=f"N in the lecture: any whole number up to {MAX_HEADS}.",
)
HEAD_DIM = Slider(
    key="head_dim",
    label="Head width",
    options=HEAD_DIMS,
    default=128,
    help="Elements in one head's key (`head_dim`).",
)
CONTEXT_LEN = Slider(
    key="context_len",
    label="Context (tokens)",
    options=CONTEXT_LENS,
    default=8192,
    help="Tokens in the cache, the current step's token included.",
)
BATCH_SIZE = Slider(
    key="batch_size",
    label="Batch (users)",
    options=BATCH_SIZES,
    default=1,
    help="Sequences decoded together, one per user.",
)
DTYPE = Slider(
    key="dtype",
    label="Number format",
    options=tuple(DTYPE_FORMATS),
    default="float32",
    help="Used for weights, arithmetic and, unless it is quantised, the cache.",
)


def heads_controls(more: FoldedBox) -> dict[str, int]:
    """Query heads, K/V heads and, in the folded box `more`, head width, by key."""
    n_heads = QUERY_HEADS.show()
    n_kv_heads = kv_heads_control(n_heads)
    with more:
        head_dim = show_model_slider(HEAD_DIM)
    return {"n_heads": n_heads, "n_kv_heads": n_kv_heads, "head_dim": head_dim}


def show_model_slider(slider: Slider[int]) -> int:
    """Draw a slider whose options include the numbers of imported models.

    So they do that of a model that a link names but lacks.
    """
    numbers: list[object] = [preset.settings.get(slider.key) for preset in import_presets()]
    numbers.append(link_model.missing_model_number(slider.key))
    more: list[int] = [number for number in numbers if isinstance(number, int)]
    return replace(slider, options=sorted({*slider.options, *more})).show()
