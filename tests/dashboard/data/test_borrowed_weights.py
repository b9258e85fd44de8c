"""Weights of a model whose sliders were moved: one rule on every page that counts what fits."""

import json

import pytest

from dashboard.data.borrowed_weights import Weights, slider_weights
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import offered, weights_gb
from tests.dashboard.page_probe import answer, captions, metrics, slider, small_tables

WHOSE = "The weights are those of Llama 3 8B, with 32 query heads of 128 and 32 layers."
LARGER = {"n_heads": 64, "n_layers": 80}
REFUSED = (
    f"{WHOSE} This one has 80 layers, not 32 and 8,192 query channels, not 4,096, so they are too "
    "small for it."
)


def judged(name="Llama 3 8B", n_bytes=None, **changes):
    """The weights of a model, or those typed, after these changes to its sliders."""
    preset = offered(measuring=False)[name]
    keys = ("n_heads", "n_kv_heads", "head_dim", "n_layers")
    numbers = {key: preset.settings.get(key, 8) for key in keys}
    rest = {"kv_format": "bf16", "context_len": 8192, "batch_size": 1}
    settings = ModelSettings(**(numbers | rest | changes), base_model=preset.model)
    return slider_weights(settings, preset, n_bytes or round(preset.settings["weights_gb"] * 1e9))


@pytest.mark.parametrize(
    ("name", "changes", "larger"),
    [
        ("Llama 3 8B", {"n_heads": 40}, "5,120 query channels, not 4,096"),
        ("Llama 3 8B", {"n_layers": 33}, "33 layers, not 32"),
        # half as many heads of twice the width: Q as wide, K and V twice as wide
        ("Llama 3 70B", {"n_heads": 32, "head_dim": 256}, "2,048 K/V channels, not 1,024"),
        ("Llama 3 8B", {"n_heads": 16, "head_dim": 256, "n_layers": 8}, "2,048 K/V channels"),
        ("DeepSeek-V3", {"n_heads": 64, "head_dim": 256}, "256 channels in a head, not 128"),
        ("DeepSeek at 100,000 tokens", {"n_layers": 80}, "80 layers, not 61"),
    ],
)
def test_weights_of_a_model_that_is_smaller_in_any_respect_are_none(name, changes, larger):
    weights = judged(name, **changes)
    assert weights.n_bytes is None
    assert f"This one has {larger}" in weights.refusal
    assert f"those of {name}, with " in weights.refusal
    assert judged(name, 30 * 10**9, **changes) == Weights(30 * 10**9)  # typed


def test_weights_of_a_larger_model_are_named_and_its_own_are_not():
    assert judged(n_heads=24) == Weights(16_060_000_000, note=WHOSE)
    assert judged(n_heads=64, head_dim=64).note == WHOSE  # as wide in all
    assert judged() == judged(n_kv_heads=32) == Weights(16_060_000_000)


def test_the_model_s_weights_in_another_format_are_its_own_still():
    fp8 = round(weights_gb(offered(measuring=False)["Llama 3 8B"], "fp8") * 1e9)
    assert judged(n_bytes=fp8, n_layers=80).n_bytes is None


def test_what_fits_refuses_weights_of_a_smaller_model_and_names_those_of_a_larger(opened):
    app = opened("capacity", n_gpus=4, **LARGER)
    assert not app.exception
    assert (answer(app), metrics(app)) == (None, {})
    assert app.warning[0].value.startswith(
        f"{REFUSED} Type **Weights in total (GB)** beside the model."
    )
    app = slider(app, "weights_gb").set_value(141.11).run()
    assert "141.11 GB of weights" in answer(app)
    assert not app.warning
    assert WHOSE not in captions(app)
    app = opened("capacity", n_heads=24)
    assert answer(app)
    assert WHOSE in captions(app)


def test_compared_models_leave_out_the_one_of_borrowed_weights(opened):
    app = opened("capacity", compare=["Llama 3 70B"], n_gpus=4, **LARGER)
    text = answer(app).replace("\\", "")
    assert "Llama 3 8B, changed is left out: size of its weights not known." in text
    assert f"{REFUSED} Type Weights in total (GB) beside the model." in text
    assert "Llama 3 70B" in metrics(app)
    assert "Llama 3 8B, changed" not in metrics(app)


def test_the_start_page_fills_no_gpu_beside_weights_of_a_smaller_model(opened):
    app = opened("overview", **LARGER)
    assert not app.exception
    advice = f"{REFUSED} Type **Weights in total (GB)** under **More settings**."
    assert [info.value for info in app.info if "weights" in info.value] == [advice]
    assert advice in captions(app)
    (table,) = [table for table in small_tables(app) if "Users that fit" in table[0]]
    assert {row["Users that fit"] for row in table} == {"-"}
    app = opened("overview", n_heads=24)
    specs = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    assert any(spec.get("frames") for spec in specs)
    assert captions(app).count(WHOSE) == 2
