"""Colours of K/V heads: none is a variant's colour, and 64 heads in sight are 64 colours.

They were chosen one after the other, each as far as possible (OKLab) from the variants' colours,
from all before it and from its neighbours, also as colour-blind readers see those. Every one keeps
a contrast of 3:1 on the light and on the dark page.
"""

from __future__ import annotations

from dashboard.figures.colors import text_color_on

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


def kv_head_color(index: int) -> tuple[str, str]:
    """(fill, text colour) of the i-th K/V head; a colour returns after 64 heads."""
    fill = KV_HEAD_FILLS[index % len(KV_HEAD_FILLS)]
    return fill, text_color_on(fill)


def kv_head_colorscale() -> list[tuple[float, str]]:
    """A colour scale for a heat map of `index % len(KV_HEAD_FILLS)`, to be used from -0.5 on."""
    n = len(KV_HEAD_FILLS)
    edges = [(index / n, (index + 1) / n, fill) for index, fill in enumerate(KV_HEAD_FILLS)]
    return [(edge, fill) for low, high, fill in edges for edge in (low, high)]
