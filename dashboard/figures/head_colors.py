"""Colours of K/V heads: none is a variant's colour, and 64 heads in sight are 64 colours.

They were chosen one after the other, each as far as possible (OKLab) from the variants' colours,
from all before it and from its neighbours, also as colour-blind readers see those. Every one keeps
a contrast of 3:1 on the light and on the dark page.
"""

from __future__ import annotations

KV_HEAD_FILLS = tuple(
    """
    #735ED1 #8F9407 #AA3F4D #279ABD #FB556D #9F39B5 #656902 #A37EF4
    #A28F78 #6B657E #4076F5 #8F5D04 #DB3869 #BF5AD6 #787F99 #2C725A
    #8E791B #6F87F9 #9F539D #76999F #227727 #8A6C66 #856AF5 #7B50A9
    #818FC4 #C9212E #5A7C77 #AE8E38 #9551D8 #8C556E #7D75BE #617844
    #594FD7 #A765EC #BD516A #846797 #577D03 #848266 #5D684F #897CDC
    #A36671 #8A5089 #A0814C #C61E58 #9C65BC #C16CF0 #905845 #93975D
    #9D7E77 #BC48BB #486A6C #77692E #6F6FE2 #7D4AD3 #6399BE #887287
    #956A40 #A552B7 #6089E1 #C43D51 #735D8F #8A89A4 #7A6451 #8B65D8
    """.split()  # noqa: SIM905 (a list would take 64 lines)
)
WHITE, BLACK = "#FFFFFF", "#000000"
PALE_PERCENT = 45  # of a colour left in its pale form


def kv_head_color(index: int) -> tuple[str, str]:
    """(fill, text colour) of the i-th K/V head; a colour returns after 64 heads."""
    fill = KV_HEAD_FILLS[index % len(KV_HEAD_FILLS)]
    return fill, text_color_on(fill)


def text_color_on(fill: str) -> str:
    """White or black: what has a contrast of 4.5:1 on this fill, given as #RRGGBB."""
    luminance = relative_luminance(fill)
    return WHITE if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else BLACK


def relative_luminance(color: str) -> float:
    """The luminance of a colour given as #RRGGBB, from 0 to 1. Source: WCAG 2.2."""
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def kv_head_colorscale() -> list[tuple[float, str]]:
    """A colour scale for a heat map of `index % len(KV_HEAD_FILLS)`, to be used from -0.5 on."""
    n = len(KV_HEAD_FILLS)
    edges = [(index / n, (index + 1) / n, fill) for index, fill in enumerate(KV_HEAD_FILLS)]
    return [(edge, fill) for low, high, fill in edges for edge in (low, high)]


def pale(color: str) -> str:
    """A colour given as #RRGGBB, mixed with white, so that black is read on it on any page."""
    parts = (255 - (255 - part) * PALE_PERCENT // 100 for part in _parts(color))
    return "#" + "".join(f"{part:02X}" for part in parts)


def _parts(color: str) -> tuple[int, ...]:
    return tuple(int(color[start : start + 2], 16) for start in (1, 3, 5))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
