"""A model by name or by its own config.json in the browser, with the command line's bytes."""

import json
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from benchmarks.serving import ROOT, wait_until_settled
from gqa_core import units
from tests.browser.conftest import metrics, show_more_settings
from tests.browser.test_pages import errors, is_drawn

CONFIG = {
    "model_type": "made_up",
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "num_key_value_heads": 3,
    "head_dim": 72,
    "sliding_window": 700,
    "layer_types": ["sliding_attention"] * 4 + ["full_attention", "linear_attention"],
}


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "made up & odd.json"
    path.write_text(json.dumps(CONFIG))
    return path


def paste(page, path):
    page.get_by_label("Or its text").fill(path.read_text())
    wait_until_settled(page)
    page.get_by_role("button", name="Import text").click()


def upload(page, path):
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(path)


@pytest.mark.parametrize(
    ("import_config", "name"),
    [(paste, "Imported config"), (upload, "Imported: made up odd.json")],
)
def test_an_imported_config_has_the_command_line_s_bytes(
    visit, config_file, import_config, name, console
):
    page = visit("/kv_cache?context_len=4096&batch_size=4&kv_format=fp8")
    is_drawn(page, "/kv_cache")
    page.get_by_role("button", name="Import a model").click()
    import_config(page, config_file)
    expect(page.get_by_role("combobox", name="Model")).to_have_value(name)
    wait_until_settled(page)
    page.keyboard.press("Escape")
    show_more_settings(page)
    expect(page.get_by_role("slider", name="Layers")).to_have_attribute("aria-valuetext", "6")
    page.get_by_text("What the config says").click()
    line = page.get_by_test_id("stCode").filter(has_text="python -m gqa_core size").inner_text()
    words = [str(config_file) if word == "CONFIG.json" else word for word in line.split()]
    done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, check=True)
    n_bytes = json.loads(done.stdout)["kv_cache_bytes"]
    assert n_bytes == 4 * (4 * 700 + 4096) * 2 * 3 * 72  # by hand: 4 windows and 1 full layer
    gqa = metrics(page).nth(1)
    expect(gqa).to_contain_text(units.capacity(n_bytes))
    page.get_by_text("How this is computed").click()
    expect(page.get_by_test_id("stMain")).to_contain_text(units.exact_bytes(n_bytes))
    page.get_by_test_id("stTopNavLink").filter(has_text="Overview").click()
    is_drawn(page, "/")
    expect(page.get_by_role("combobox", name="Model")).to_have_value(name)
    expect(metrics(page).nth(1)).to_contain_text(units.capacity(n_bytes))
    assert not errors(console, "/kv_cache")


def test_a_link_with_a_model_and_a_moved_slider_says_custom_and_reset_ends_it(visit):
    page = visit("/kv_cache?model=Gemma 3 27B&n_layers=61")
    box = page.get_by_role("combobox", name="Model")
    expect(box).to_have_value("Custom, from Gemma 3 27B")
    expect(page.get_by_role("slider", name="K/V heads")).to_have_attribute("aria-valuetext", "16")
    wait_until_settled(page)
    show_more_settings(page)
    page.get_by_role("slider", name="Layers").press("ArrowRight")
    expect(box).to_have_value("Gemma 3 27B")
    wait_until_settled(page)
    page.get_by_role("button", name="Reset").click()
    expect(box).to_have_value("Llama 3 8B")


def test_typing_finds_a_model_and_sets_the_sliders(visit):
    page = visit("/")
    is_drawn(page, "/")
    box = page.get_by_role("combobox", name="Model")
    box.click()
    page.keyboard.type("falcon 180")
    page.get_by_role("option", name="Falcon 180B").click()
    expect(page.get_by_role("spinbutton", name="Query heads")).to_have_value("232")
    wait_until_settled(page)
    page.get_by_text("More settings").click()
    for name, value in (("K/V heads", "8"), ("Layers", "80")):
        expect(page.get_by_role("slider", name=name)).to_have_attribute("aria-valuetext", value)
    expect(box).to_have_value("Falcon 180B")
