"""The pages as a visitor meets them: deep links, sliders by keyboard, phones, the dark."""

import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until_settled
from dashboard.shell.page import SECTIONS, START
from tests.browser.conftest import metrics, running_server, show_more_settings
from tests.scale import all_or

TITLES = {"/": START.title} | {
    f"/{entry.name}": entry.title for entries in SECTIONS.values() for entry in entries
}
WITH_SLIDERS = all_or(["/", "/decode"], [path for path in TITLES if path != "/runs"])
ON_PHONES = all_or(
    [(path, scheme) for path in ("/", "/decode") for scheme in ("light", "dark")]
    + [("/capacity", "light")],
    [*((path, "light") for path in TITLES), ("/", "dark"), ("/decode", "dark")],
)
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


def has_the_whole_menu(page):
    expect(page.get_by_test_id("stTopNavLink")).to_have_text([START.title])
    expect(page.get_by_test_id("stTopNavSection")).to_have_text([*SECTIONS])


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


@pytest.mark.parametrize("path", all_or(["/decode"], TITLES))
def test_a_first_visit_by_deep_link_shows_that_page_and_the_same_menu(
    visit, path, tmp_path, console
):
    with running_server(tmp_path / "runs.sqlite") as address:
        page = visit(path, address=address)
        is_drawn(page, path)
        has_the_whole_menu(page)
        assert not errors(console, path)


@pytest.mark.parametrize("path", WITH_SLIDERS)
def test_every_slider_moves_by_key_and_the_link_brings_all_of_them_back(visit, path, console):
    page = visit(path)
    sliders = page.get_by_role("slider")
    expect(sliders.first).to_be_visible()
    is_drawn(page, path)
    show_more_settings(page)
    for slider in reversed(sliders.all()):  # K/V heads before the query heads that they divide
        value_text, address = slider.get_attribute("aria-valuetext"), page.url
        end_position = slider.get_attribute("value") == slider.get_attribute("max")
        slider.press("ArrowLeft" if end_position else "ArrowRight")
        expect(slider).not_to_have_attribute("aria-valuetext", value_text)
        page.wait_for_url(lambda url, before=address: url != before, wait_until="commit")
        wait_until_settled(page)
    is_drawn(page, path)
    moved = [slider.get_attribute("aria-valuetext") for slider in sliders.all()]
    has_the_whole_menu(page)
    again = visit(page.url.removeprefix(page.evaluate("location.origin")))
    show_more_settings(again)
    for index, value in enumerate(moved):
        expect(again.get_by_role("slider").nth(index)).to_have_attribute("aria-valuetext", value)
    assert not errors(console, path)


@pytest.mark.parametrize(("path", "scheme"), ON_PHONES)
def test_a_phone_shows_every_page_without_sideways_scrolling(visit, path, scheme, console):
    page = visit(path, width=390, scheme=scheme)
    is_drawn(page, path)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUNDS[scheme])
    page.wait_for_timeout(400)
    page.wait_for_function(FITS)  # charts may still be shrinking on a busy machine
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert not errors(console, path)


def test_moving_k_v_heads_redraws_metrics_pictures_and_table(visit):
    page = visit("/")
    is_drawn(page, "/")
    gqa, fill = metrics(page).nth(1), page.locator(".js-plotly-plot").nth(1)
    expect(gqa).to_contain_text("1.07 GB")
    expect(fill).to_contain_text("55 users of 8192")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("8 K/V heads, each shared by 4")
    page.get_by_role("slider", name="K/V heads").press("ArrowRight")
    expect(gqa).to_contain_text("2.15 GB")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("16 K/V heads, each shared by 2")
    expect(fill).to_contain_text("27 users of 8192")
    expect(page.get_by_role("table").first).to_contain_text("2.147")  # GB
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
    expect(notices.filter(has_text="do not divide")).to_have_count(0)
    expect(notices.filter(has_text="too small for it")).to_be_visible()  # the weights


def test_a_link_restores_the_view_on_the_other_page_too(visit):
    page = visit("/?n_heads=64&n_kv_heads=4&context_len=32768")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("4 K/V heads, each shared by 16")
    wait_until_settled(page)
    page.get_by_test_id("stTopNavSection").filter(has_text="Measure").click()
    page.get_by_test_id("stTopNavDropdownLink").filter(has_text="Decode").click()
    is_drawn(page, "/decode")
    expect(page.get_by_role("spinbutton", name="Query heads")).to_have_value("64")
    for name, value in (("K/V heads", "4"), ("Context", "32768")):
        expect(page.get_by_role("slider", name=name)).to_have_attribute("aria-valuetext", value)


@pytest.mark.parametrize(
    ("path", "address", "title"),
    [
        ("/overview?n_heads=64", "**/?n_heads=64**", "Overview"),
        ("/roofline?context_len=4096", "**/decode?**view=Bound**", "Decode"),
        ("/crossover?context_len=4096", "**/decode?**view=Faster*from**", "Decode"),
    ],
)
def test_former_addresses_lead_to_their_pages_with_their_settings(visit, path, address, title):
    page = visit(path)
    page.wait_for_url(address, wait_until="commit")
    expect(page).to_have_title(f"{title} | GQA Lab")
    wait_until_settled(page)
    setting = path.partition("?")[2]
    assert setting in page.url


def test_an_unknown_address_gets_a_notice_and_the_start_page(visit):
    page = visit("/nonsense")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")
    expect(page).to_have_title(f"{START.title} | GQA Lab")
