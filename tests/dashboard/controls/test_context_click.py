"""A click into a chart over the context moves the slider to its nearest option."""

import pytest

from dashboard.controls import context_click


@pytest.mark.parametrize(
    ("points", "context_len"),
    [
        ([{"x": 4096, "y": 1.0}], 4096),
        ([{"x": 96_055}, {"x": 512}], 100_000),  # a ring is nearest to an option
        ([{"x": 1e9}], 2**20),
    ],
)
def test_the_nearest_context_is_chosen(monkeypatch, points, context_len):
    state = {"chart": {"selection": {"points": points}}, "context_len": 8192}
    monkeypatch.setattr("streamlit.session_state", state)
    context_click.take_context("chart")
    assert state["context_len"] == context_len


def test_a_click_beside_the_points_changes_nothing(monkeypatch):
    state = {"chart": {"selection": {"points": [{"label": "GPU 0"}]}}, "context_len": 8192}
    monkeypatch.setattr("streamlit.session_state", state)
    context_click.take_context("chart")
    assert state == {"chart": {"selection": {"points": [{"label": "GPU 0"}]}}, "context_len": 8192}
