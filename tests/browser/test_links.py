"""A link to an imported model, opened in another browser: the same model, or a sentence."""

import json

import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until_settled

CONFIG = {
    "model_type": "llama",
    "hidden_size": 864,
    "intermediate_size": 3456,
    "vocab_size": 32_000,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "num_key_value_heads": 3,
    "head_dim": 72,
    "sliding_window": 700,
    "layer_types": ["sliding_attention"] * 4 + ["full_attention"] * 2,
}
NAME = "Imported: made up odd.json"


@pytest.fixture
def link(visit, tmp_path):
    """The link that Share shows on Capacity for an uploaded config, and the page's numbers."""
    path = tmp_path / "made up & odd.json"
    path.write_text(json.dumps(CONFIG))
    page = visit("/capacity?context_len=4096")
    page.get_by_role("button", name="Import a model").click()
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(path)
    expect(page.get_by_role("combobox", name="Model")).to_have_value(NAME)
    wait_until_settled(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Share").click()
    code = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(code).to_contain_text("imported_model=1.")
    wait_until_settled(page)
    return code.inner_text().strip(), page.locator(".metric-strip").inner_text()


def opened(visit, address):
    """The path of an address, opened in a browser that knows nothing."""
    page = visit(address[address.index("/", len("http://")) :])
    expect(page.locator(".metric-strip").first).to_be_visible()
    wait_until_settled(page)
    return page


def test_another_browser_sees_the_same_model_and_numbers_and_a_cut_link_says_so(visit, link):
    address, numbers = link
    assert len(address) < 700
    page = opened(visit, address)
    expect(page.get_by_role("combobox", name="Model")).to_have_value(NAME)
    assert page.locator(".metric-strip").inner_text() == numbers
    page.reload()
    expect(page.get_by_role("combobox", name="Model")).to_have_value(NAME)
    expect(page.locator(".metric-strip")).to_have_text(numbers, use_inner_text=True)
    page = opened(visit, address[:-4])
    expect(page.get_by_test_id("stMain").get_by_test_id("stCode").first).to_contain_text(
        f"'{NAME}' is not in the link"
    )
    expect(page.get_by_role("combobox", name="Model")).to_have_value("Custom, from a missing model")
