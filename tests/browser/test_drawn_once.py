"""A moved slider draws each chart once, though Streamlit hands Plotly a copy of it a moment later.

Plotly draws the copy too if its width has other digits, or its layout other modes of clicking.
"""

import pytest
from playwright.sync_api import expect

from benchmarks.first_screen import wait_for_charts
from benchmarks.serving import wait_until_settled

COUNT_DRAWS = """() => {
    window.mounted = 0;
    window.drawnAgain = 0;
    const watch = () => document.querySelectorAll('.js-plotly-plot').forEach(chart => {
        if (chart.isWatched || !chart.on) return;
        chart.isWatched = true;
        window.mounted += 1;
        chart.on('plotly_beforeplot', () => { window.drawnAgain += 1 });
    });
    watch();
    window.mounted = 0;
    new MutationObserver(watch).observe(document.body, {childList: true, subtree: true});
}"""


@pytest.mark.parametrize("path", ["/", "/kv_cache"])  # the second has points to click
def test_a_moved_slider_draws_a_chart_once(visit, path):
    page = visit(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wait_until_settled(page)
    wait_for_charts(page)
    page.wait_for_timeout(500)
    page.evaluate(COUNT_DRAWS)
    page.get_by_role("slider", name="Context").press("ArrowLeft")
    wait_until_settled(page)
    page.wait_for_timeout(500)
    assert page.evaluate("window.mounted") > 0
    assert page.evaluate("window.drawnAgain") == 0
