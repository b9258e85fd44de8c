"""Labels at the ends of lines: beside their line, never over each other, inside the figure."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.end_labels import LINE_PX, EndLabel, finish_labelled, spread_apart

PLACES = st.lists(st.floats(0, 300), min_size=1, max_size=12)


def test_places_far_enough_apart_stay_where_they_are():
    assert spread_apart([200, 0, 100], gap=16, height=300) == [200, 0, 100]


def test_places_that_meet_are_spread_around_their_mean():
    assert spread_apart([100, 100], gap=16, height=300) == [92, 108]
    assert spread_apart([104, 100, 96], gap=16, height=300) == [116, 100, 84]
    assert spread_apart([0, 0, 300, 299], gap=16, height=300) == [0, 16, 300, 284]


@given(PLACES)
def test_places_are_apart_in_their_order_and_inside(places):
    spread = spread_apart(places, gap=16, height=300)
    in_order = [spread[index] for index in sorted(range(len(places)), key=lambda i: places[i])]
    assert all(above - below >= 16 - 1e-6 for below, above in pairwise(in_order))
    assert -1e-6 <= min(spread) <= max(spread) <= 300 + 1e-6


def test_more_labels_than_there_is_room_for_keep_their_gap():
    assert spread_apart([5.0] * 4, gap=16, height=20) == [0, 16, 32, 48]


@pytest.mark.parametrize("kind", ["log", "linear"])
def test_labels_stand_right_of_the_axes_at_the_end_of_their_line(kind):
    sketch = FigureBuilder()
    sketch.update_yaxes(type=kind, range=[0, 2])
    ends = {"log": (1, 10, 100), "linear": (0, 1, 2)}[kind]
    labels = [EndLabel(f"line {n}", "#0072B2", "square", end) for n, end in enumerate(ends)]
    figure = finish_labelled(sketch, labels, height=400)
    assert [(label.x, label.y) for label in figure.layout.annotations] == [(1, 0), (1, 0.5), (1, 1)]
    assert [label.text for label in figure.layout.annotations][:1] == [
        '<span style="color: #0072B2">■</span> line 0'
    ]
    assert not figure.layout.showlegend
    assert figure.layout.hovermode == "x unified"
    assert figure.layout.margin.r >= 7 * len("line 0")


def test_labels_of_lines_with_one_end_are_a_line_of_text_apart():
    sketch = FigureBuilder()
    sketch.update_yaxes(range=[0, 1])
    figure = finish_labelled(sketch, [EndLabel("a", "#000000", "circle", 0.5)] * 3, height=400)
    plot_height = 400 - figure.layout.margin.t - figure.layout.margin.b
    heights = [label.y * plot_height for label in figure.layout.annotations]
    assert heights == pytest.approx([plot_height / 2 + LINE_PX * step for step in (-1, 0, 1)])


def test_a_long_name_is_cut_so_that_a_phone_has_room_for_the_axes():
    sketch = FigureBuilder()
    sketch.update_yaxes(range=[0, 1])
    figure = finish_labelled(sketch, [EndLabel("x" * 60, "#000000", "circle", 0.5)], height=400)
    assert figure.layout.annotations[0].text.endswith(f" {'x' * 15}…")
    assert figure.layout.margin.r < 140
