"""Styles of models that are compared: colours that no variant has, each with its own dash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.figures.style import VariantStyle

MODEL_STYLES = (
    VariantStyle("#735ED1", "solid", "circle"),
    VariantStyle("#8F9407", "dash", "square"),
    VariantStyle("#AA3F4D", "dot", "diamond"),
    VariantStyle("#279ABD", "dashdot", "triangle-up"),
)


def model_styles(names: Sequence[str]) -> Mapping[str, VariantStyle]:
    """The style of each model, in the order in which they are compared."""
    return dict(zip(names, MODEL_STYLES, strict=False))
