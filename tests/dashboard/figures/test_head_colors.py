"""Colours of K/V heads: never a variant's, never equal, and readable on both pages."""

from itertools import combinations, pairwise

import pytest

from dashboard.figures.colors import pale, relative_luminance, text_color_on
from dashboard.figures.head_colors import KV_HEAD_FILLS, kv_head_color
from dashboard.figures.style import VARIANT_STYLES

PAGES = ("#FFFFFF", "#0F1418")  # backgrounds of .streamlit/config.toml


def contrast(first, second):
    dark, light = sorted(map(relative_luminance, (first, second)))
    return (light + 0.05) / (dark + 0.05)


def distance(first, second):
    """Euclidean distance of two colours, with each part from 0 to 1."""
    parts = [
        [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        for color in (first, second)
    ]
    return sum((a - b) ** 2 for a, b in zip(*parts, strict=True)) ** 0.5


def test_64_heads_in_sight_are_64_colours_and_neighbours_differ_most():
    assert len({kv_head_color(index)[0] for index in range(64)}) == 64
    assert min(distance(*pair) for pair in combinations(KV_HEAD_FILLS, 2)) > 0.05
    assert min(distance(*pair) for pair in pairwise(KV_HEAD_FILLS)) > 0.14
    assert min(distance(*pair) for pair in combinations(KV_HEAD_FILLS[:8], 2)) > 0.2


def test_no_head_has_the_colour_of_a_variant():
    variants = {style.color for style in VARIANT_STYLES.values()}
    assert min(distance(fill, color) for fill in KV_HEAD_FILLS for color in variants) > 0.15


def test_fills_stand_out_on_both_pages_and_their_numbers_are_read():
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    for fill in KV_HEAD_FILLS:
        assert min(contrast(fill, page) for page in PAGES) >= 3
        assert contrast(fill, text_color_on(fill)) >= 4.5
        assert contrast(pale(fill), "#000000") >= 4.5
