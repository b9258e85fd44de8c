"""Arithmetic on colours given as #RRGGBB: contrast with text, and paler shades."""

from __future__ import annotations

WHITE, BLACK = "#FFFFFF", "#000000"
PALE = 0.45  # of a colour left in its pale form


def text_color_on(fill: str) -> str:
    """White or black: what has a contrast of 4.5:1 on this fill."""
    luminance = relative_luminance(fill)
    return WHITE if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else BLACK


def relative_luminance(color: str) -> float:
    """The luminance of a colour, from 0 to 1. Source: WCAG 2.2."""
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mixed(color: str, share: float) -> str:
    """A colour of which only this share is left, from 0 to 1, and the rest is white."""
    parts = (round(255 - (255 - part) * share) for part in _parts(color))
    return "#" + "".join(f"{part:02X}" for part in parts)


def pale(color: str) -> str:
    """A colour mixed with white, so that black is read on it on any page."""
    return mixed(color, PALE)


def _parts(color: str) -> tuple[int, ...]:
    return tuple(int(color[start : start + 2], 16) for start in (1, 3, 5))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
