"""Widgets that boxes share. Every widget has a key, which is also its name in the URL.

Options are plain numbers, so that a link reads `context_len=8192`, and impossible combinations are
not offered: K/V heads are divisors of the query heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from dashboard.controls import config_import as imported_config
from dashboard.settings.layouts import slider_kv_heads
from dashboard.settings.options import (
    BATCH_SIZES,
    CONTEXT_LENS,
    FRESH_HEADS,
    HEAD_DIMS,
    IMPORTED_KEYS,
    N_HEADS,
)
from dashboard.shell.links import remember_default, validate_query_param
from dashboard.shell.state import keep, move_into
from gqa_core.records.specs.training import divisors
from gqa_core.theory.formats import DTYPE_FORMATS

T = TypeVar("T")


def heads_controls() -> dict[str, int]:
    """Query heads, K/V heads that divide them, and the width of a head."""
    n_heads = slider("Query heads", N_HEADS, FRESH_HEADS, "n_heads", "N of the lecture.")
    n_kv_heads = slider(
        "K/V heads",
        sorted(divisors(n_heads)),
        slider_kv_heads(n_heads),
        "n_kv_heads",
        "G groups in the lecture: 1 is MQA, as many as query heads is MHA.",
    )
    remember_default("n_kv_heads", slider_kv_heads(FRESH_HEADS))  # Reset moves both
    head_dim = slider("Head width", HEAD_DIMS, 128, "head_dim", "Numbers in one head's key.")
    return {"n_heads": n_heads, "n_kv_heads": n_kv_heads, "head_dim": head_dim}


def workload_controls(batch_sizes: Sequence[int] = BATCH_SIZES) -> dict[str, int]:
    """Tokens in the cache, and sequences at once."""
    context_len = slider(
        "Context (tokens)",
        CONTEXT_LENS,
        8192,
        "context_len",
        "Tokens in the cache once the step's own token is in it.",
    )
    batch_size = slider(
        "Batch (users)", batch_sizes, 1, "batch_size", "Sequences at once, one a user."
    )
    return {"context_len": context_len, "batch_size": batch_size}


def dtype_control() -> str:
    """The number format that a measurement computes in."""
    return slider(
        "Number format",
        list(DTYPE_FORMATS),
        "float32",
        "dtype",
        "Of weights, cache and arithmetic alike.",
    )


def slider(label: str, options: Sequence[T], value: T, key: str, explained: str) -> T:
    """One of the options, the model\'s own number among them where one was imported."""
    options = _with_imported(key, options)
    validate_query_param(key, options, value)
    return kept(st.select_slider, label, options, value=value, key=key, help=explained)


def _with_imported(key: str, options: Sequence[T]) -> Sequence[T]:
    """The options, and the imported model's own number where it is not among them."""
    preset = imported_config.preset()
    own = preset.settings.get(key) if preset and key in IMPORTED_KEYS else None
    return options if own is None or own in options else sorted({*options, own})


def kept(widget: Callable[..., T], label: str, options: Sequence[T], *, key: str, **how) -> T:
    """The value of a widget that is bound to the URL and outlives a visit to another page."""
    if widget is st.select_slider:
        move_into(key, options)
    return keep(key, widget(label, options, key=key, bind="query-params", **how))
