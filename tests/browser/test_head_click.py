"""A click on a head in a browser: its K/V head stands out in picture, sentence, table and link."""

import pytest
from playwright.sync_api import expect

from benchmarks.first_screen import wait_for_charts
from benchmarks.serving import wait_until_settled


@pytest.mark.parametrize(
    ("path", "marker", "first", "last"),
    [
        ("/head_groups?n_heads=32&n_kv_heads=8", 21, 20, 23),  # circles joined by lines
        ("/head_groups?n_heads=128&n_kv_heads=8", 83, 80, 95),  # numbered cells
    ],
)
def test_a_click_on_a_query_head_selects_all_that_read_with_it(visit, path, marker, first, last):
    page = visit(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wait_until_settled(page)
    wait_for_charts(page)
    page.wait_for_timeout(500)
    head = page.locator(".js-plotly-plot .points path").nth(marker).bounding_box()
    page.mouse.click(head["x"] + head["width"] / 2, head["y"] + head["height"] / 2)
    page.wait_for_url("**part=K*head*5**", wait_until="commit")
    sentence = f"K/V head 5 is read by query heads {first} to {last}"
    expect(page.get_by_test_id("stMain")).to_contain_text(sentence)
    expect(page.get_by_role("table").first).to_contain_text("K/V head 5, selected")
