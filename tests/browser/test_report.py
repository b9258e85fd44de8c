"""A report that was downloaded from a page draws its charts without a network."""

import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until_settled

DRAWN = "document.querySelectorAll('.chart .main-svg').length > 0"
SERIES = "[...document.querySelectorAll('.chart')].map(c => c.data.map(t => t.y?.length ?? 0))"


@pytest.fixture
def downloaded(visit, tmp_path):
    """Downloads both files of a page; returns the page and their paths."""

    def download(path):
        page = visit(path)
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        wait_until_settled(page)
        page.get_by_role("button", name="Share").click()
        files = []
        for label in ("Report (HTML)", "Summary (Markdown)"):
            wait_until_settled(page)
            with page.expect_download() as download:
                page.get_by_role("button", name=label).click()
            files.append(tmp_path / download.value.suggested_filename)
            download.value.save_as(files[-1])
        return page, *files

    return download


def test_a_report_draws_offline_what_the_page_drew(downloaded, chromium):
    page, report, summary = downloaded("/kv_cache?n_kv_heads=4")
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900})
    offline, requests = context.new_page(), []
    offline.on("request", lambda request: requests.append(request.url))
    problems = []
    offline.on("console", lambda message: problems.append(message.text))
    offline.on("pageerror", lambda error: problems.append(str(error)))
    offline.goto(report.as_uri())
    offline.wait_for_function(DRAWN)
    shown = page.locator("blockquote").inner_text()
    expect(offline.locator(".answer")).to_have_text(shown)
    expect(offline.locator("h1")).to_have_text("How large the KV cache grows")
    charts = page.evaluate(SERIES.replace(".chart", ".js-plotly-plot"))
    assert offline.evaluate(SERIES)[: len(charts)] == charts
    expect(offline.get_by_role("table").first).to_contain_text("GQA")
    assert requests == [report.as_uri()]
    assert problems == []
    text = summary.read_text()
    assert "n_kv_heads=4" in text
    assert "|Context (tokens)|" in text or "|Context" in text
    context.close()
