"""The first screen at 1280 x 900: answer, whole figure and controls, on every page."""

import pytest

from benchmarks.first_screen import ASSERTED, PATHS, is_in_first_screen, line, positions


@pytest.fixture(scope="module")
def first_screens(chromium, server):
    return {position["path"]: position for position in positions(chromium, server, ASSERTED)}


@pytest.mark.parametrize("path", PATHS)
def test_answer_figure_and_a_control_are_in_the_first_screen(first_screens, path):
    assert is_in_first_screen(first_screens[path]), line(first_screens[path])
