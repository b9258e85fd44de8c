"""The pages as a visitor meets them: deep links, sliders by keyboard, phones, the dark."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import running_server

TITLES = {
    "/": ("Overview", "What sharing K/V heads buys"),
    "/head_groups": ("Head groups", "Who reads which K/V head"),
    "/kv_cache": ("KV cache", "How large the KV cache grows"),
    "/why_cache": ("Why a cache", "Why a cache at all"),
    "/decode": ("Decode", "Decode steps, measured here"),
    "/equivalence": ("Equivalence", "The same attention, computed twice"),
    "/capacity": ("Capacity", "What fits, and for how many users"),
    "/runs": ("Runs", "Runs, kept and compared"),
}
MENU = [name for name, _ in TITLES.values()]


@pytest.mark.parametrize("path", ["/", "/decode"])
def test_a_first_visit_by_deep_link_shows_that_page_and_the_same_menu(visit, path, tmp_path):
    with running_server(tmp_path / "runs.sqlite") as address:
        for _ in range(2):  # the first visitor of this server, and a later one
            page = visit(path, address=address)
            name, title = TITLES[path]
            expect(page.get_by_role("heading", name=title)).to_be_visible()
            expect(page.get_by_test_id("stTopNavLink")).to_have_text(MENU)
            expect(page).to_have_title(f"{name} | GQA Lab")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_page_without_sideways_scrolling(visit, scheme):
    for path, (_, title) in TITLES.items():
        page = visit(path, width=390, scheme=scheme)
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        page.wait_for_timeout(700)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path
        assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth"), path
        page.close()


def test_moving_k_v_heads_redraws_metrics_picture_curve_and_table(visit):
    page = visit("/")
    gqa = page.get_by_test_id("stMetric").nth(1)
    expect(gqa).to_contain_text("1.00 GiB")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("8 K/V heads, each shared by 4")
    page.get_by_role("slider", name="K/V heads").press("ArrowRight")
    expect(gqa).to_contain_text("2.00 GiB")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("16 K/V heads, each shared by 2")
    curve = "document.querySelectorAll('.js-plotly-plot')[1].data.find(t => t.name == 'GQA here').y"
    page.wait_for_function(f"{curve}[0] == 2 * 2 ** 30")
    expect(page.get_by_test_id("stDataFrame").last).to_contain_text("2.147")  # GB
    assert "n_kv_heads=16" in page.url


def test_fewer_query_heads_pull_the_k_v_heads_along(visit):
    page = visit("/?n_heads=16&n_kv_heads=16")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("is MHA")
    page.get_by_role("slider", name="Query heads").press("ArrowLeft")
    expect(page.get_by_role("slider", name="K/V heads")).to_have_attribute("aria-valuetext", "12")
    expect(page.get_by_test_id("stAlert").first).to_contain_text(
        "GQA with 12 K/V heads for 12 query heads"
    )


def test_a_link_restores_the_view_on_the_other_page_too(visit):
    page = visit("/?n_heads=64&n_kv_heads=4&context_len=32768")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("4 K/V heads, each shared by 16")
    page.get_by_test_id("stTopNavLink").filter(has_text="Decode").click()
    expect(page.get_by_role("heading", name=TITLES["/decode"][1])).to_be_visible()
    for name, value in (("Query heads", "64"), ("K/V heads", "4"), ("Context", "32768")):
        expect(page.get_by_role("slider", name=name)).to_have_attribute("aria-valuetext", value)
