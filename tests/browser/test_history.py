"""Back and Forward: the page shows what the address says."""

from playwright.sync_api import expect

from benchmarks.serving import wait_until_settled


def query(page):
    return page.evaluate("location.search")


def commit(page, field, text):
    field.fill(text)
    field.press("Enter")
    wait_until_settled(page)


def test_back_and_forward_restore_the_weights_and_a_reload_keeps_an_empty_field(visit):
    page = visit("/capacity")
    field = page.get_by_role("spinbutton", name="Weights in total")
    expect(field).to_have_value("16.06")
    wait_until_settled(page)
    commit(page, field, "20")
    page.wait_for_url("**?weights_gb=20.0", wait_until="commit")
    page.go_back()
    expect(field).to_have_value("16.06")
    wait_until_settled(page)
    assert query(page) == ""
    page.go_forward()
    expect(field).to_have_value("20.00")
    wait_until_settled(page)
    commit(page, field, "")
    page.wait_for_url("**?weights_gb=", wait_until="commit")
    page.reload()
    expect(field).to_have_value("")
    wait_until_settled(page)
    page.get_by_role("button", name="Reset").click()
    expect(field).to_have_value("16.06")
    wait_until_settled(page)
    assert query(page) == ""


def test_a_chosen_variant_stays_in_the_address(visit):
    page = visit("/head_groups?n_kv_heads=32")
    chosen = page.get_by_role("radio", checked=True)
    expect(chosen.filter(has_text="MHA")).to_be_visible()
    wait_until_settled(page)
    assert "variant" not in query(page)
    for name in ("MLA", "MHA"):
        page.get_by_role("radio", name=name).click()
        page.wait_for_url(f"**variant={name}**", wait_until="commit")
        wait_until_settled(page)
    page.get_by_role("slider", name="K/V heads").press("ArrowLeft")
    page.wait_for_url("**n_kv_heads=16**", wait_until="commit")
    wait_until_settled(page)
    assert "variant=MHA" in query(page)
    expect(chosen.filter(has_text="MHA")).to_be_visible()
