"""Presets: names of their own, numbers from the catalogue, and which one the sliders say."""

from dataclasses import replace

import pytest

from dashboard.choices import DecodeChoice
from dashboard.controls import CONTEXT_LENS, HEAD_DIMS, MODEL_LAYERS, N_HEADS
from dashboard.presets import DEEPSEEK, HEADS, PRESETS, name_of, offered
from gqa_core.catalog.models import model

OPTIONS = {
    "n_heads": N_HEADS,
    "head_dim": HEAD_DIMS,
    "n_layers": MODEL_LAYERS,
    "context_len": CONTEXT_LENS,
}
DEEPSEEK_NAME = "DeepSeek at 100,000 tokens"
BY_NAME = {preset.name: preset for preset in PRESETS}
MEASURED = DecodeChoice(
    n_heads=64,
    n_kv_heads=8,
    head_dim=128,
    context_len=512,
    batch_size=4,
    n_layers=1,
    dtype="float32",
    kernel="auto",
)


def test_presets_have_names_of_their_own():
    assert len(BY_NAME) == len(PRESETS) == 5


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_is_a_place_where_the_sliders_can_stand(preset):
    assert preset.settings["n_heads"] % preset.settings["n_kv_heads"] == 0
    for key, options in OPTIONS.items():
        assert preset.settings.get(key, options[0]) in options


@pytest.mark.parametrize("name", ["Llama 3 8B", "Llama 3 70B"])
def test_llama_s_numbers_are_the_catalogue_s(name):
    known, settings = model(name), BY_NAME[name].settings
    assert settings["n_kv_heads"] == known.attention.n_kv_heads
    assert settings["n_layers"] == known.config.n_layers


def test_the_sliders_name_is_the_preset_that_says_most():
    assert name_of(DEEPSEEK) == DEEPSEEK_NAME
    assert name_of(replace(DEEPSEEK, context_len=8192)) == "128 heads in 8 (16x)"
    assert name_of(replace(DEEPSEEK, n_kv_heads=4)) is None


def test_a_page_that_measures_is_offered_heads_and_no_context():
    assert {preset.name for preset in offered(MEASURED)} == {*BY_NAME} - {DEEPSEEK_NAME}
    assert {key for preset in offered(MEASURED) for key in preset.settings} == {*HEADS}
    assert name_of(MEASURED) == "Llama 3 70B"  # of which only one layer is measured
    assert name_of(replace(MEASURED, head_dim=64)) is None
