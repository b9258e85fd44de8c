"""Two models side by side in two clicks, sent as a link; and a click that sets the context."""

from playwright.sync_api import expect


def strip(page):
    return page.locator(".metric-strip dt")


def test_two_clicks_compare_two_models_and_a_link_shows_both(visit):
    page = visit("/kv_cache")
    expect(strip(page)).to_have_count(4)
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name="DeepSeek-V3", exact=True).click()
    models = ["Llama 3 8B (GQA)", "DeepSeek-V3 (MLA)"]
    expect(strip(page)).to_have_text(models)
    page.wait_for_url("**compare=DeepSeek-V3**")
    path = page.url[page.url.index("/kv_cache") :]
    fresh = visit(path)
    expect(strip(fresh)).to_have_text(models)
    expect(fresh.get_by_test_id("stPlotlyChart")).to_be_visible()


def test_a_click_into_the_chart_sets_the_context(visit):
    page = visit("/kv_cache")
    slider = page.get_by_role("slider", name="Context (tokens)")
    expect(slider).to_have_attribute("aria-valuetext", "8192")
    area = page.locator("[data-testid=stPlotlyChart] .nsewdrag").first
    area.wait_for()
    box = area.bounding_box()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.3 * box["height"], steps=4)
    page.locator(".hoverlayer .legend").wait_for()
    page.mouse.down()
    page.mouse.up()
    expect(slider).not_to_have_attribute("aria-valuetext", "8192")
    assert int(slider.get_attribute("aria-valuetext")) >= 131072
