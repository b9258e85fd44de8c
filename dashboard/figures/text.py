"""Texts of figures, in which Plotly reads tags, entities, placeholders and formulas."""

from __future__ import annotations

__all__ = ["literal"]

SIGNS = str.maketrans(
    {sign: f"&#{ord(sign)};" for sign in "&<>%{}$"}  # an entity is drawn, and nothing else is read
)


def literal(text: str) -> str:
    """The text as Plotly draws it letter by letter, whatever it holds."""
    return text.translate(SIGNS)
