"""Links: what a link cannot have is said, what it can is restored, and a view becomes a link."""

from functools import partial
from urllib.parse import parse_qs

import pytest

from dashboard.shell import links
from tests.dashboard.page_probe import link, slider


@pytest.fixture
def opened(opened):
    return partial(opened, "overview")


def message(app):
    return [code.value for code in app.code if "in the link must be" in code.value]


def test_a_bad_value_is_replaced_and_said_letter_by_letter(opened):
    app = opened(n_heads="24", n_kv_heads="9", context_len="<b>1e9</b>")
    assert (slider(app, "n_heads").value, slider(app, "context_len").value) == (24, 8192)
    assert message(app) == [
        "n_kv_heads in the link must be one of its options: got '9', 8 used\n"
        "context_len in the link must be one of its options: got '<b>1e9</b>', 8192 used"
    ]


def test_a_good_link_is_restored_and_nothing_is_said(opened):
    app = opened(n_heads="64", n_kv_heads="4", kv_format="fp8")
    assert (slider(app, "n_kv_heads").value, slider(app, "kv_format").value) == (4, "fp8")
    assert message(app) == []
    app = slider(app, "n_heads").set_value(20).run()
    assert message(app) == []


@pytest.mark.parametrize("n_heads", ["64", "36", "71"])  # some cannot have the usual 8 K/V heads
def test_reset_puts_every_slider_back_and_forgets_the_fault(opened, n_heads):
    app = opened(n_heads=n_heads, n_kv_heads="5", n_layers="80")
    assert message(app)
    app = app.button(key="reset_button").click().run()
    assert message(app) == []
    values = {key: slider(app, key).value for key in ("n_heads", "n_kv_heads", "n_layers")}
    assert values == {"n_heads": 32, "n_kv_heads": 8, "n_layers": 32}


def test_the_shared_link_holds_every_choice_and_nothing_else():
    choices = {"n_heads": 32, "dtype": "bfloat16", "planted": True, "devices": ["A", "B"]}
    assert links.link("http://host:8501/decode?run=1#top", choices) == (
        "http://host:8501/decode?n_heads=32&dtype=bfloat16&planted=true&devices=A&devices=B"
    )


@pytest.mark.parametrize(
    ("page", "link_values"),
    [
        ("head_groups", {"variant": "MLA", "part": "RoPE key"}),
        ("kv_cache", {"devices": "NVIDIA L40S"}),
        ("equivalence", {"planted": "true"}),
    ],
)
def test_the_widgets_beside_the_sliders_are_shared_and_reset_too(opened, page, link_values):
    app = opened(**link_values).switch_page(f"pages/{page}.py").run()
    shared = parse_qs(link(app))
    assert shared.items() >= {key: [value] for key, value in link_values.items()}.items()
    assert message(app) == []
    app = app.button(key="reset_button").click().run()
    assert not app.exception
    shared = parse_qs(link(app))
    assert not [key for key, value in link_values.items() if shared[key] == [value]]


def test_the_weights_are_in_the_address_unless_they_are_the_default(opened):
    app = opened()
    assert slider(app, "weights_gb").value == 16.06
    for value, text in ((20.0, "20.0"), (None, ""), (16.06, None)):
        app = slider(app, "weights_gb").set_value(value).run()
        assert not app.exception
        assert app.query_params.get("weights_gb") == text
