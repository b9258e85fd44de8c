"""A moved slider draws each chart once, though Streamlit hands Plotly a copy of it a moment later.

Plotly draws the copy too if its width has other digits, or its layout other modes of clicking.
"""

import pytest
from playwright.sync_api import expect

from benchmarks import pages
from benchmarks.first_screen import wait_for_charts
from benchmarks.serving import wait_until_settled
from tests.scale import all_or

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
COUNT_DRAWINGS = """() => {  // tasks of the page in which a chart changes in more than 100 places
    window.drawings = 0;
    const chart = node => node.closest('[data-testid=stPlotlyChart]');
    new MutationObserver(records => {
        const within = records.filter(one => one.target.nodeType === 1 && chart(one.target));
        if (within.length > 100) window.drawings += 1;
    }).observe(document, {attributes: true, childList: true, subtree: true});
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


@pytest.mark.parametrize("path", all_or(["/capacity"], ["/kv_cache", "/capacity", "/head_groups"]))
def test_a_moved_slider_changes_its_chart_in_one_task(chromium, server, path):
    """Streamlit hands each chart to Plotly twice; with a template, say, both are drawn."""
    tab = pages.open_tab(chromium, server + path, "K/V heads")
    tab.page.evaluate(COUNT_DRAWINGS)
    assert tab.move()["charts"] == 1
    assert tab.page.evaluate("window.drawings") == 1
    tab.page.context.close()
