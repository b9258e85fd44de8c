"""A config of 2026 and an engine's start-up log, pasted into the browser."""

import json

import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until_settled
from tests.browser.test_models import paste
from tests.browser.test_pages import errors, is_drawn
from tests.scale import all_or

MIXED = {  # windows, a sparse indexer and states beside full layers
    "model_type": "made_up",
    "num_hidden_layers": 8,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "hidden_size": 2048,
    "sliding_window": 512,
    "layer_types": ["linear_attention"] * 3 + ["sliding_attention"] * 3 + ["full_attention"] * 2,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4,
    "index_head_dim": 128,
    "index_n_heads": 8,
    "index_topk": 1024,
}
LOG = """
INFO 02-01 10:00:00 [gpu_worker.py:298] Available KV cache memory: 3.81 GiB
INFO 02-01 10:00:00 [kv_cache_utils.py:864] GPU KV cache size: 31,232 tokens
INFO 02-01 10:00:00 [kv_cache_utils.py:868] Maximum concurrency for 8,192 tokens per request: 3.81x
INFO 02-01 10:00:00 [something.py:1] a line that says nothing
"""


@pytest.mark.parametrize(
    ("width", "scheme"),
    all_or([(390, "light")], [(1280, "light"), (1280, "dark"), (390, "light")]),
)
def test_a_pasted_config_shows_its_parts(visit, tmp_path, width, scheme, console):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(MIXED))
    page = visit("/kv_cache?context_len=4096", width=width, scheme=scheme)
    is_drawn(page, "/kv_cache")
    is_phone = width < 640
    if is_phone:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("button", name="Import a model").click()
    paste(page, path)
    expect(page.get_by_role("combobox", name="Model")).to_have_value("Imported config")
    wait_until_settled(page)
    page.keyboard.press("Escape")
    if is_phone:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    main = page.get_by_test_id("stMain")
    main.get_by_text("What GQA keeps").click()
    for kind in ("token cache", "window cache", "indexer keys", "state"):
        expect(main).to_contain_text(kind)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not errors(console, "/kv_cache")


@pytest.mark.parametrize(
    ("width", "scheme"), all_or([(1280, "light")], [(1280, "light"), (390, "dark")])
)
def test_a_pasted_log_is_held_against_the_formula(visit, width, scheme, console):
    page = visit("/capacity?model=Llama 3 8B", width=width, scheme=scheme)
    is_drawn(page, "/capacity")
    page.get_by_text("Hold it against an engine's start-up log").click()
    page.get_by_label("Start-up lines").fill(LOG)
    wait_until_settled(page)
    page.get_by_role("button", name="Reconcile").click()
    wait_until_settled(page)
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("130,986")  # 3.81 GiB / 31,232 tokens
    expect(main).to_contain_text("131,072")
    expect(
        page.get_by_test_id("stAlert").filter(has_text="prints what the formula says").first
    ).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not errors(console, "/capacity")
