"""The pages as a visitor meets them: deep links, sliders by keyboard, phones, the dark."""

import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until_settled
from dashboard.shell.page import SECTIONS, START
from tests.browser.conftest import running_server

TITLES = {"/": START.title} | {
    f"/{entry.name}": entry.title for entries in SECTIONS.values() for entry in entries
}
MENU = [START.title, *SECTIONS]
WITH_SLIDERS = [path for path in TITLES if path != "/runs"]
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 24)"}
FITS = """() => {
    const main = document.querySelector('[data-testid=stMain]');
    return main.scrollWidth <= main.clientWidth;
}"""
PROBES = ("_stcore/health", "_stcore/host-config")


def is_drawn(page, path):
    expect(page).to_have_title(f"{TITLES[path]} | GQA Lab")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wait_until_settled(page)


def errors(console, path):
    """The console's errors, but for those at a deep link that are not ours.

    Streamlit's frontend looks for its server at every level of the path, the deepest first; a
    page's own level has none.
    """
    allowed = () if path == "/" else tuple(f"{path}/{probe}" for probe in PROBES)
    return [
        (text, url)
        for text, url in console
        if not (allowed and url.endswith(allowed) and "404 (Not Found)" in text)
    ]


@pytest.mark.parametrize("path", TITLES)
def test_a_first_visit_by_deep_link_shows_that_page_and_the_same_menu(
    visit, path, tmp_path, console
):
    with running_server(tmp_path / "runs.sqlite") as address:
        page = visit(path, address=address)
        is_drawn(page, path)
        expect(page.get_by_test_id("stTopNavLink")).to_have_text(MENU)
        assert not errors(console, path)


@pytest.mark.parametrize("path", WITH_SLIDERS)
def test_every_slider_moves_by_key_and_the_link_brings_all_of_them_back(visit, path, console):
    page = visit(path)
    sliders = page.get_by_role("slider")
    expect(sliders.first).to_be_visible()
    is_drawn(page, path)
    for slider in reversed(sliders.all()):  # K/V heads before the query heads that they divide
        value_text, address = slider.get_attribute("aria-valuetext"), page.url
        end_position = slider.get_attribute("value") == slider.get_attribute("max")
        slider.press("ArrowLeft" if end_position else "ArrowRight")
        expect(slider).not_to_have_attribute("aria-valuetext", value_text)
        page.wait_for_url(lambda url, before=address: url != before, wait_until="commit")
        wait_until_settled(page)
    is_drawn(page, path)
    moved = [slider.get_attribute("aria-valuetext") for slider in sliders.all()]
    expect(page.get_by_test_id("stTopNavLink")).to_have_text(MENU)
    again = visit(page.url.removeprefix(page.evaluate("location.origin")))
    for index, value in enumerate(moved):
        expect(again.get_by_role("slider").nth(index)).to_have_attribute("aria-valuetext", value)
    assert not errors(console, path)


@pytest.mark.parametrize("scheme", BACKGROUNDS)
@pytest.mark.parametrize("path", TITLES)
def test_a_phone_shows_every_page_without_sideways_scrolling(visit, path, scheme, console):
    page = visit(path, width=390, scheme=scheme)
    is_drawn(page, path)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUNDS[scheme])
    page.wait_for_timeout(400)
    page.wait_for_function(FITS)  # charts may still be shrinking on a busy machine
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert not errors(console, path)


def test_moving_k_v_heads_redraws_metrics_picture_curve_and_table(visit):
    page = visit("/")
    is_drawn(page, "/")
    gqa = page.get_by_test_id("stMetric").nth(1)
    expect(gqa).to_contain_text("1.00 GiB")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("8 K/V heads, each shared by 4")
    page.get_by_role("slider", name="K/V heads").press("ArrowRight")
    expect(gqa).to_contain_text("2.00 GiB")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("16 K/V heads, each shared by 2")
    curve = "document.querySelectorAll('.js-plotly-plot')[1].data.find(t => t.name == 'here')"
    page.wait_for_function(f"{curve}?.y[1] == 2 * 2 ** 30")
    expect(page.get_by_role("table").last).to_contain_text("2.147")  # GB
    page.wait_for_url("**n_kv_heads=16**", wait_until="commit")


def test_fewer_query_heads_pull_the_k_v_heads_along(visit):
    page = visit("/?n_heads=16&n_kv_heads=16")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("is MHA")
    wait_until_settled(page)
    query_heads = page.get_by_role("spinbutton", name="Query heads")
    kv_heads = page.get_by_role("slider", name="K/V heads")
    query_heads.fill("14")
    query_heads.press("Enter")
    expect(kv_heads).to_have_attribute("aria-valuetext", "14")
    notices = page.get_by_test_id("stAlert")
    expect(notices.filter(has_text="16 K/V heads do not divide 14 query heads: 14")).to_be_visible()
    expect(notices.filter(has_text="14 K/V heads for 14 query heads is MHA")).to_be_visible()
    query_heads.fill("1024")
    query_heads.press("Enter")
    expect(kv_heads).to_have_attribute("aria-valuetext", "16")
    expect(notices).to_have_count(0)


def test_a_link_restores_the_view_on_the_other_page_too(visit):
    page = visit("/?n_heads=64&n_kv_heads=4&context_len=32768")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("4 K/V heads, each shared by 16")
    wait_until_settled(page)
    page.get_by_test_id("stTopNavLink").filter(has_text="Decode").click()
    expect(page.get_by_role("heading", name=TITLES["/decode"][1])).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Query heads")).to_have_value("64")
    for name, value in (("K/V heads", "4"), ("Context", "32768")):
        expect(page.get_by_role("slider", name=name)).to_have_attribute("aria-valuetext", value)
