"""The start page: cards that set everything, the GPU that fills, a guess that is not remembered."""

import json

import pytest

from dashboard.controls.config_import import POPOVER
from dashboard.data.gpu_fill import N_FRAMES
from dashboard.report.guesses import (
    guess_result,
    longer_context_guess,
    other_format_guess,
    other_heads_guess,
    price_guess,
)
from dashboard.settings.presets import DEEPSEEK
from dashboard.views.preset_cards import OWN
from tests.dashboard.page_probe import metrics, values


def figures(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def frames(app):
    return [len(figure.get("frames", ())) for figure in figures(app)]


def card(app, label):
    """The page after a click on a card, none of which stays pressed."""
    app = app.pills(key="cards").set_value(label).run()
    assert not app.exception
    assert app.pills(key="cards").value is None
    return app


def test_a_card_sets_everything_with_one_click(opened):
    app = opened("overview")
    assert frames(app) == [0, N_FRAMES]
    app = card(app, "DeepSeek: 400 GB → 3 GB")
    assert metrics(app)["MHA cache"] == "400 GB"
    assert values(app)["context_len"] == 100_000
    assert app.selectbox(key="model").value == "DeepSeek at 100,000 tokens"
    assert any("32 GPUs" in caption.value for caption in app.caption)
    app = card(app, "128 in 8 (16x)")
    assert app.number_input(key="n_heads").value == 128
    # the lecture's example has no weights: a sentence, and no GPU that fills
    assert any("weights is not known" in info.value for info in app.info)
    assert frames(app) == [0, 0]
    assert card(app, OWN).session_state[POPOVER]


def test_weights_that_are_typed_fill_the_gpu_and_the_table(opened):
    app = opened("overview", model="32 heads in 8", weights_gb=40)
    assert frames(app) == [0, N_FRAMES]
    (fill,) = [figure for figure in figures(app) if figure.get("frames")]
    assert fill["data"][0]["x"][0] == 40
    assert "In GQA, a group of query heads shares one K and one V" in app.markdown[0].value


def test_a_guess_gets_the_truth_and_leaves_nothing_in_the_link(opened):
    app = opened("overview").run()  # after switch_page, a widget has its identity from then on
    (guess,) = [box for box in app.number_input if box.label == "Your guess (GB)"]
    app = guess.set_value(8.0).run()
    text = " ".join(block.value for block in app.markdown)
    assert "It is **17.18 GB**. Your guess was 2.15x too small." in text
    assert not any("guess" in key for key in app.query_params)
    assert "guess" not in " ".join(app.session_state["remembered_values"])


@pytest.mark.parametrize(
    ("guess", "gigabytes"),
    [
        (longer_context_guess(DEEPSEEK), 4 * 399.7696),
        (other_heads_guess(DEEPSEEK), 399.7696 / 32),  # 4 of 128 K/V heads
        (other_format_guess(DEEPSEEK), 399.7696 / 2),
        (price_guess(), 131.072),  # 131,072 B per token of Llama 3 8B
    ],
)
def test_a_guess_is_answered_by_the_formula(guess, gigabytes):
    assert guess.n_bytes == pytest.approx(gigabytes * 1e9)
    assert "right to 5%" in guess_result(guess, gigabytes * 1.04)
    assert "2x too large" in guess_result(guess, 2 * gigabytes)
    assert "nothing" in guess_result(guess, 0)
