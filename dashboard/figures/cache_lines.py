"""Lines of cache bytes over context, with a marker on each where the slider stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.context_lines import add_slider_line
from dashboard.figures.end_labels import EndLabel
from dashboard.figures.style import (
    CLICKABLE_LINE,
    LINE_END,
    VARIANT_STYLES,
    WIDE,
    VariantStyle,
    bytes_axis,
    context_axis,
    markers,
)
from dashboard.figures.text import literal
from gqa_core import units

Curves = Mapping[str, Sequence[int]]  # bytes at each context, by variant or model
Styles = Mapping[str, VariantStyle]


def set_cache_axes(
    figure: FigureBuilder, contexts: Sequence[int], n_bytes: Sequence[float], title: str
) -> None:
    """Log-log axes of context and bytes, in powers of ten around `n_bytes`."""
    figure.update_xaxes(context_axis(min(contexts), max(contexts), LINE_END))
    figure.update_yaxes(bytes_axis(n_bytes) | {"title": {"text": title}})


def add_cache_line(
    figure: FigureBuilder,
    name: str,
    style: VariantStyle,
    contexts: Sequence[int],
    n_bytes: Sequence[int],
    width: float = WIDE,
) -> None:
    """One line by formula; its hover text has decimal and binary bytes.

    A wide one can be clicked.
    """
    figure.add_scatter(
        x=list(contexts),
        y=list(n_bytes),
        name=literal(name),
        showlegend=False,
        line=style.line(width),
        text=[units.decimal_and_binary(value) for value in n_bytes],
        hovertemplate=f"{literal(name)}: %{{text}}<extra></extra>",
        **(CLICKABLE_LINE if width == WIDE else {"mode": "lines"}),
    )


def add_slider_context(
    figure: FigureBuilder,
    curves: Curves,
    contexts: Sequence[int],
    context_len: int,
    styles: Styles = VARIANT_STYLES,
) -> None:
    """A dotted line at the slider's context, and a marker where each line meets it."""
    add_slider_line(figure, context_len)
    if context_len not in contexts:
        return
    index = list(contexts).index(context_len)
    figure.add_scatter(
        x=[context_len] * len(curves),
        y=[curve[index] for curve in curves.values()],
        name="here",
        showlegend=False,
        mode="markers",
        marker=markers([styles[name] for name in curves], 11),
        hoverinfo="skip",
    )


def cache_end_labels(curves: Curves, styles: Styles = VARIANT_STYLES) -> list[EndLabel]:
    """The names of variants or models at the ends of their lines."""
    return [
        EndLabel(name, styles[name].color, styles[name].symbol, curve[-1])
        for name, curve in curves.items()
    ]
