"""Real models in the rows of a page: their own bytes while nothing moves, and what moving does."""

from dataclasses import replace

import pytest

from dashboard.data import decode_rows as tables
from dashboard.report.cache_sentences import cache_answer, formula_filled_in, size_caption
from dashboard.report.cache_tables import growth_table, part_table
from dashboard.report.layout_sentences import layout_sentences
from dashboard.settings.layouts import slider_settings
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import CATALOGUE, offered
from gqa_core.catalog.models import models
from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig, Workload
from gqa_core.theory.memory import kv_cache_bytes, kv_cache_bytes_as_allocated
from gqa_core.theory.parts import total_bytes
from tests.records import fake_records as samples

PRESETS = offered(measuring=False)


def chosen(name, context_len=8192, batch_size=2, kv_format="bf16", **moved):
    preset = PRESETS[name]
    settings = slider_settings(preset.model)
    return ModelSettings(
        **settings | moved,
        context_len=context_len,
        batch_size=batch_size,
        kv_format=kv_format,
        base_model=preset.model,
    )


def own_row(name):
    return PRESETS[name].settings["variant"]


@pytest.mark.parametrize("known", models(), ids=lambda known: known.name)
@pytest.mark.parametrize(("context_len", "kv_format"), [(100, "fp8"), (100_000, "int4_g64")])
def test_a_model_s_own_row_is_the_model_to_the_byte(known, context_len, kv_format):
    settings = chosen(known.name, context_len, kv_format=kv_format)
    workload, own = Workload(context_len=context_len, batch_size=2), own_row(known.name)
    total = total_bytes(known.config, workload, kv_format)
    besides = total - kv_cache_bytes(known.config, workload, kv_format)  # indexer keys and states
    assert settings.cache_bytes(own, context_len) == total
    allocated = kv_cache_bytes_as_allocated(known.config, workload, kv_format)
    assert settings.allocated_bytes(own, context_len) == allocated + besides
    assert settings.variants[own].variant == own
    assert settings.reduction_vs_mha("MHA") == 1


@pytest.mark.parametrize("preset", CATALOGUE, ids=lambda preset: preset.name)
def test_no_variant_of_a_model_has_other_layers(preset):
    settings = chosen(preset.name)
    for row in settings.models.values():
        assert [(run.n_layers, run.window) for run in row] == [
            (run.n_layers, run.window) for run in preset.model
        ]


def test_gpt_oss_keeps_windows_in_every_row():
    settings = chosen("gpt-oss 20B", batch_size=32)
    # 12 layers of 8192 tokens and 12 of 128, 2 x 8 x 64 elements of 2 B, 32 sequences
    n_bytes = 32 * 12 * (8192 + 128) * 2 * 8 * 64 * 2
    assert settings.cache_bytes("GQA", 8192) == n_bytes
    assert settings.cache_bytes("MHA", 8192) == 8 * n_bytes
    assert settings.cache_bytes("MQA", 8192) == n_bytes // 8
    assert settings.allocated_bytes("GQA", 8192) == 12 * 2**30


def test_linear_layers_cache_nothing_in_any_row():
    settings = chosen("Qwen3.5-27B", batch_size=1)
    assert settings.n_layers == 64
    # 16 layers of 64 attend; 2 x 4 x 256 elements of 2 B, beside the states of the other 48
    states = 48 * (30_720 * 2 + 786_432 * 4)
    assert settings.cache_bytes("GQA", 1000) == 16 * 1000 * 2 * 4 * 256 * 2 + states


def test_gemma_4_keeps_its_second_geometry():
    settings = chosen("Gemma 4 31B", batch_size=1)
    local, full = 2 * 16 * 256 * 2, 2 * 4 * 512 * 2
    assert settings.cache_bytes("GQA", 8192) == 50 * 1024 * local + 10 * 8192 * full
    assert settings.cache_bytes("MQA", 8192) == 50 * 1024 * local // 16 + 10 * 8192 * full // 4
    assert (settings.n_kv_heads, settings.head_dim) == (16, 256)


def test_mla_is_the_model_s_latent_and_not_a_proportion():
    # 512 + 64 and 256 + 32 elements, where 4.5 head widths would be 864 and 288; 128 indexer keys
    assert chosen("GLM-5", batch_size=1).cache_bytes("MLA", 1000) == 78 * 1000 * (576 + 128) * 2
    assert chosen("MiniCPM3-4B", batch_size=1).cache_bytes("MLA", 1000) == 62 * 1000 * 288 * 2
    # its MHA keeps K of 192 and V of 256 for each of 64 heads
    assert chosen("GLM-5", batch_size=1).cache_bytes("MHA", 1000) == 78 * 1000 * 64 * 448 * 2


def test_moved_heads_keep_the_windows_and_leave_the_second_geometry():
    settings = chosen("Gemma 4 31B", batch_size=1, n_heads=64, n_kv_heads=8)
    per_token = 2 * 8 * 256 * 2
    assert settings.cache_bytes("GQA", 8192) == (50 * 1024 + 10 * 8192) * per_token
    assert "here all have the sliders' heads" in " ".join(layout_sentences(settings))


def test_moved_k_v_heads_leave_every_width_as_it_is():
    settings = chosen("GLM-5", n_kv_heads=4)
    assert settings.cache_bytes("MHA", 100) == chosen("GLM-5").cache_bytes("MHA", 100)
    assert settings.cache_bytes("MLA", 100) == chosen("GLM-5").cache_bytes("MLA", 100)
    assert settings.cache_bytes("GQA", 100) * 16 == settings.cache_bytes("MHA", 100)


def test_another_number_of_layers_makes_all_of_them_full_and_says_so():
    settings = chosen("gpt-oss 20B", n_layers=32, batch_size=1)
    assert settings.cache_bytes("GQA", 8192) == 32 * 8192 * 2 * 8 * 64 * 2
    assert not settings.has_window_layers
    (sentences,) = layout_sentences(settings)
    assert sentences.startswith("The model has 24 layers; with 32 no rule says")


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        (
            "gpt-oss 20B",
            "Of 24 layers 12 cache the last 128 tokens at most, 12 cache all tokens. The row GQA "
            "is the model as it is; the other rows are the same layers with other heads.",
        ),
        ("Qwen3.5-27B", "Of 64 layers 16 cache all tokens, 48 no tokens."),
        (
            "Gemma 4 31B",
            "Its layers differ: 50 have 16 K/V heads of width 256; 10 have 4 K/V heads of width "
            "512. The sliders show 16 K/V heads of width 256.",
        ),
        ("DeepSeek-V3", "The row MLA is the model as it is"),
        ("Llama 3 8B", ""),
    ],
)
def test_what_sliders_do_not_say_is_said(name, sentences):
    sentence = " ".join(layout_sentences(chosen(name)))
    assert sentences in sentence if sentences else sentence == ""


def test_layers_of_different_variants_are_one_row_and_that_is_said():
    runs = [
        LayerGroup(attention=GroupedConfig(n_heads=8, n_kv_heads=1, head_dim=64), n_layers=9),
        LayerGroup(attention=GroupedConfig(n_heads=6, n_kv_heads=2, head_dim=64), n_layers=3),
    ]
    model = ModelConfig(layer_groups=tuple(runs))
    settings = replace(chosen("Llama 3 8B"), base_model=model, **slider_settings(model))
    assert (settings.n_heads, settings.n_kv_heads) == (6, 2)
    assert settings.models["GQA"] == model
    assert settings.variants["GQA"] == runs[1].attention
    assert "though not all its layers are" in " ".join(layout_sentences(settings))


def test_words_and_tables_say_the_windows():
    settings = chosen("gpt-oss 20B", batch_size=1)
    assert formula_filled_in(settings, "GQA").startswith(
        "(2 x 8 x 64 x 12 layers x 2 B x min(8192, 128) tokens + "
        "2 x 8 x 64 x 12 layers x 2 B x 8192 tokens) x 1 = 204,472,320 B"
    )
    assert size_caption(settings, "GQA") == (
        "195.00 MiB, 8x smaller than MHA; 384.00 MiB as allocated"
    )
    assert "400 GB" not in cache_answer(settings)
    row = growth_table(settings, [8192]).frame().iloc[0]
    assert (row["GQA (GB)"], row["GQA as allocated (GB)"]) == (0.204472320, 0.402653184)
    plain = growth_table(chosen("Llama 3 8B"), [8192]).frame()
    assert not [name for name in plain.columns if "allocated" in name]


def test_a_part_s_bytes_are_those_of_the_layers_that_have_it():
    settings = chosen("Gemma 4 31B", batch_size=2)
    row = part_table(settings, settings.variants["GQA"]).frame().iloc[0]
    # one of 16 K/V heads of width 256 in 50 layers of 1024 tokens, 2 sequences
    assert row["All such layers, context and batch (MiB)"] * 2**20 == 2 * 50 * 1024 * 2 * 256 * 2


def test_a_model_with_windows_has_no_measured_rows_and_one_alike_has():
    layer = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)
    rows = tables.decode_rows([samples.record()])
    for window, n_models in ((None, 1), (32, 0)):
        run = LayerGroup(attention=layer, n_layers=1, window=window)
        model = ModelConfig(layer_groups=(run,))
        settings = ModelSettings(
            **slider_settings(model),
            context_len=64,
            batch_size=1,
            kv_format="fp32",
            base_model=model,
        )
        assert len(tables.cache_rows(rows, settings)) == n_models
