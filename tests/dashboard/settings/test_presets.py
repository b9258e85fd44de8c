"""Presets: names of their own, numbers from the catalogue, and where the sliders can stand."""

import pytest

from dashboard.settings.options import CONTEXT_LENS, HEAD_DIMS, MODEL_LAYERS
from dashboard.settings.presets import CATALOGUE, DEEPSEEK, HEADS, PRESETS, WEIGHTS, offered
from gqa_core.catalog.models import model, models
from gqa_core.configs import MAX_HEADS

OPTIONS = {
    "n_heads": range(1, MAX_HEADS + 1),
    "head_dim": HEAD_DIMS,
    "n_layers": MODEL_LAYERS,
    "context_len": CONTEXT_LENS,
}
DEEPSEEK_NAME = "DeepSeek at 100,000 tokens"
LECTURE = {preset.name for preset in PRESETS}


def test_the_lecture_s_examples_come_first_and_every_model_of_the_catalogue_once():
    names = list(offered(measuring=False))
    assert names[:2] == ["32 heads in 8", "128 heads in 8 (16x)"]
    assert {*names[:5]} == LECTURE
    assert {*names} == LECTURE | {known.name for known in models()}
    assert len(names) == len(PRESETS) + len(CATALOGUE) >= 60


@pytest.mark.parametrize("preset", [*PRESETS, *CATALOGUE], ids=lambda preset: preset.name)
def test_every_preset_is_a_place_where_the_sliders_can_stand(preset):
    assert preset.settings["n_heads"] % preset.settings["n_kv_heads"] == 0
    for key, options in OPTIONS.items():
        assert preset.settings.get(key, options[0]) in options


def test_slider_options_are_sorted_and_hold_odd_models_too():
    for options in (HEAD_DIMS, MODEL_LAYERS):
        assert list(options) == sorted(set(options))
    assert {18, 26, 27, 62, 94} <= {*MODEL_LAYERS}


@pytest.mark.parametrize("name", ["Llama 3 8B", "Llama 3 70B"])
def test_llama_s_numbers_are_the_catalogue_s(name):
    known, settings = model(name), offered(measuring=False)[name].settings
    assert settings["n_kv_heads"] == known.config.attention.n_kv_heads
    assert settings["n_layers"] == known.config.n_layers


def test_the_lecture_s_deepseek_is_what_the_catalogue_s_is():
    own = offered(measuring=False)["DeepSeek-V3"].model
    assert DEEPSEEK.models["MLA"].layer_groups == own.layer_groups


def test_a_page_that_measures_is_offered_heads_and_no_context():
    measuring = offered(measuring=True)
    assert {*offered(measuring=False)} - {*measuring} == {DEEPSEEK_NAME}
    assert {key for preset in measuring.values() for key in preset.settings} == {*HEADS, *WEIGHTS}
    assert not any(preset.model for preset in measuring.values())
