"""The page that recommends K/V heads in a browser: a click on a row, and titles side by side."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.scale import all_or


def chart(page):
    return page.get_by_test_id("stPlotlyChart").first


def click_bar(page, bar):
    """Plotly listens on a layer above the bars, so that the mouse is what can click one."""
    box = bar.bounding_box()
    page.mouse.click(box["x"] + 4, box["y"] + box["height"] / 2)


def test_a_click_on_a_row_sets_the_kv_heads(visit):
    page = visit("/choose?n_heads=24")
    bars = chart(page).locator(".barlayer .point")
    expect(bars).to_have_count(18)  # users and published models of 9 candidates
    heads = page.get_by_role("slider", name="K/V heads")
    expect(heads).to_have_attribute("aria-valuetext", "8")
    click_bar(page, bars.nth(3))
    expect(heads).to_have_attribute("aria-valuetext", "6")
    expect(page).to_have_url(re.compile("n_kv_heads=6"))  # a copied address has it
    expect(page.get_by_text("The sliders have 6 K/V heads")).to_be_visible()
    click_bar(page, bars.nth(9 + 1))
    expect(heads).to_have_attribute("aria-valuetext", "12")


@pytest.mark.parametrize("width", all_or([390], [390, 1280]))
def test_titles_of_columns_do_not_overlap(visit, width):
    page = visit("/choose?n_heads=128&weights_gb=40", width)
    titles = chart(page).locator(".annotation")
    expect(titles).to_have_count(4)
    boxes = sorted((title.bounding_box() for title in titles.all()), key=lambda box: box["x"])
    for left, right in pairwise(boxes):
        assert left["x"] + left["width"] <= right["x"]
    last, frame = boxes[-1], chart(page).bounding_box()
    assert last["x"] + last["width"] <= frame["x"] + frame["width"]
