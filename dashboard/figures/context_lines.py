"""Lines that several charts over context share: predicted ones, and that of the slider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import NEUTRAL, VARIANT_STYLES

PREDICTED = "predicted"


def add_slider_line(figure: FigureBuilder, context_len: int) -> None:
    """Add a dotted line at the slider's context, as high as the axis, which must be set."""
    figure.add_scatter(
        x=[context_len, context_len],
        y=[10**end for end in figure.layout["yaxis"]["range"]],
        name="context slider",
        showlegend=False,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )


def add_predicted_lines(
    figure: FigureBuilder,
    context_lens: Sequence[int],
    curves: Mapping[str, Sequence[float]],
    describe: Callable[[float], str],
) -> None:
    """Add a thin line per variant, told by one grey entry of the legend for all.

    `describe` is the text of a value on hover.
    """
    for name, values in curves.items():
        figure.add_scatter(
            x=list(context_lens),
            y=list(values),
            name=f"{name}, predicted",
            showlegend=False,
            mode="lines",
            line=VARIANT_STYLES[name].line(1.5),
            text=[describe(value) for value in values],
            hovertemplate=f"{name}, predicted: %{{text}}<extra></extra>",
        )
    figure.add_scatter(
        x=[None],
        y=[None],
        name=PREDICTED,
        mode="lines",
        line={"color": NEUTRAL, "width": 1.5},
    )
