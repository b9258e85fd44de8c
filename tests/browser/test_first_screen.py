"""Every page at 1280 x 900: answer, whole figure and controls in sight, and axe-core content."""

import pytest

from benchmarks.first_screen import (
    ASSERTED,
    PATHS,
    is_in_first_screen,
    line,
    opened_pages,
    position,
)
from tests.browser.axe import serious_findings

pytestmark = pytest.mark.xdist_group("first_screen")  # one worker visits every page


@pytest.fixture(scope="module")
def visits(chromium, server):
    """Position and serious findings of each page, by path."""
    pages = zip(PATHS, opened_pages(chromium, server, ASSERTED), strict=False)
    return {path: (position(page, path, ASSERTED), serious_findings(page)) for path, page in pages}


@pytest.mark.parametrize("path", PATHS)
def test_answer_figure_and_a_control_are_in_the_first_screen(visits, path):
    measured, _ = visits[path]
    assert is_in_first_screen(measured), line(measured)


@pytest.mark.parametrize("path", PATHS)
def test_no_page_has_a_serious_finding(visits, path):
    _, findings = visits[path]
    assert findings == []
