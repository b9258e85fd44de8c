"""Models beside each other: own layers, shared workload, ratios, users, and what is left out."""

from dataclasses import replace

import pytest

from dashboard.data.capacity import fits, sequence_curves
from dashboard.data.model_comparison import (
    ComparedModel,
    comparison_growth,
    model_comparison,
    plan_comparison,
)
from dashboard.figures.cache_growth import cache_growth
from dashboard.figures.model_styles import MODEL_STYLES, model_styles
from dashboard.figures.sequences_vs_context import sequences_vs_context
from dashboard.figures.style import VARIANT_STYLES
from dashboard.report import model_comparison as report
from dashboard.settings.presets import DEEPSEEK
from gqa_core.catalog.devices import devices
from gqa_core.catalog.models import model
from gqa_core.configs import LatentConfig, LayerGroup, ModelConfig
from tests.dashboard.data.test_capacity import windowed

LLAMA, V3, GEMMA = "Llama 3 8B", "DeepSeek-V3", "Gemma 2 9B"
SETTINGS = replace(DEEPSEEK, context_len=32_768)


def compared(*names, weight_bytes=16 * 10**9):
    return [
        ComparedModel(
            name=name, config=model(name).config, weight_bytes=weight_bytes, weight_format="bf16"
        )
        for name in names
    ]


@pytest.fixture
def comparison():
    models = compared(LLAMA, V3, GEMMA)
    return model_comparison(SETTINGS, models[0], models[1:])


def test_each_model_has_its_own_layers_and_the_first_is_the_divisor(comparison):
    # Llama 3 8B: 2 x 8 x 128 x 2 B x 32 layers = 131,072 B per token
    # DeepSeek-V3: (512 + 64) x 2 B x 61 layers = 70,272 B per token
    # Gemma 2 9B: 2 x 8 x 256 x 2 B = 8,192 B; 21 layers of all tokens, 21 of the last 4,096
    n = 32_768
    sizes = [131_072 * n, 70_272 * n, 8_192 * 21 * (n + 4_096)]
    assert [comparison.cache_bytes(each, n) for each in comparison.models] == sizes
    assert [each.variant for each in comparison.models] == ["GQA", "MLA", "GQA"]
    ratios = [comparison.ratio(each) for each in comparison.models]
    assert ratios == pytest.approx([1, 0.536, 1.477], abs=1e-3)
    text = report.cache_answer(comparison)
    assert text == (
        "At 32,768 tokens Llama 3 8B (GQA) keeps 4.29 GB. Beside it: DeepSeek-V3 (MLA) 2.3 GB "
        "(0.536x), Gemma 2 9B (GQA) 6.34 GB (1.48x)."
    )
    assert report.cache_metrics(comparison)[V3].note == "2.14 GiB, 0.536x of Llama 3 8B"
    frame = report.cache_table(comparison).frame()
    assert frame["Cache (GB)"].tolist() == pytest.approx([size / 1e9 for size in sizes])
    assert frame["As allocated (GB)"][2] == pytest.approx(8_192 * 42 * n / 1e9)


def test_lines_are_models_in_colours_that_no_variant_has(comparison):
    ceilings = [device for device in devices() if device.name == "NVIDIA H100 SXM"]
    growth = comparison_growth(comparison, [512, 4096, 32_768, 2**20], ceilings)
    figure = cache_growth(growth, styles=model_styles([LLAMA, V3, GEMMA]))
    lines = {trace.name: trace.line.color for trace in figure.data if trace.name in growth.curves}
    assert list(lines) == [LLAMA, V3, GEMMA]
    assert not {*lines.values()} & {style.color for style in VARIANT_STYLES.values()}
    assert [each.name for each in growth.crossings] == [LLAMA, GEMMA]  # V3 fills 74 GB at 1M
    assert growth.crossings[0].context_len == 80 * 10**9 // 131_072
    assert len({(style.color, style.dash) for style in MODEL_STYLES}) == 4
    assert [label.text.split("> ")[-1] for label in figure.layout.annotations] == [*lines]


def test_the_axes_of_compared_caches_stay_while_the_context_is_moved(comparison):
    ranges = {
        cache_growth(
            comparison_growth(replace(comparison, context_len=n_tokens), [512, 2**20], []),
            styles=model_styles([LLAMA, V3, GEMMA]),
        ).layout.yaxis.range
        for n_tokens in (512, 2**20)
    }
    assert len(ranges) == 1


def test_fields_that_are_alike_are_left_out(comparison):
    rows = {field.name: field for field in report.fields_table(comparison).rows}
    table = report.fields_table(comparison)
    assert table.headers == ["Field", LLAMA, V3, GEMMA]
    texts = {row[0]: row[1:] for row in table.texts()}
    assert texts["Cached per layer"] == [
        "8 K/V heads of width 128",
        "a latent of 512 + 64",
        "8 K/V heads of width 256",
    ]
    assert texts["Windows"] == ["none", "none", "21 layers of 4,096 tokens"]
    assert texts["Query heads per K/V head"] == ["4", "all share the latent", "2"]
    assert "Weights" not in rows  # 16.00 GB in bf16 all
    assert "Layers that cache no tokens" not in rows
    same = model_comparison(SETTINGS, *compared(LLAMA), compared(LLAMA))
    assert not report.fields_table(same).rows


def test_a_format_that_a_model_cannot_have_leaves_it_out_and_says_so():
    odd = LatentConfig(
        n_heads=8, dim=512, kv_lora_rank=500, qk_rope_head_dim=64, qk_nope_head_dim=64,
        v_head_dim=64,
    )  # fmt: skip
    config = ModelConfig(layer_groups=(LayerGroup(attention=odd, n_layers=2),))
    settings = replace(SETTINGS, kv_format="q8_0")
    first, other = compared(LLAMA)[0], ComparedModel(name="Odd", config=config)
    comparison = model_comparison(settings, first, [other])
    assert comparison.not_storable == ("Odd",)
    assert report.cache_answer(comparison).endswith("Not in q8_0: Odd.")


def test_every_model_has_its_own_weights_on_the_same_gpus(comparison):
    plan = replace(windowed(12), context_len=32_768)  # 24 GB at 90%, 13 GB of weights
    own = [replace(each, weight_bytes=size) for each, size in zip(
        comparison.models, (None, 20 * 10**9, None), strict=True)]  # fmt: skip
    together = plan_comparison(plan, replace(comparison, models=own))
    assert list(together.plan.deployments) == [LLAMA, V3]
    # 21.6e9 - 13e9 = 8.6e9 B over 131,072 B x 32,768 and 1.6e9 B over 70,272 B x 32,768
    assert [fits(together.plan, name)[0].max_sequences for name in (LLAMA, V3)] == [2, 0]
    answer = report.users_answer(together)
    assert answer.startswith("On paper, 1 x NVIDIA L4 hold so many sequences of 32,768 tokens: ")
    assert "Llama 3 8B 2, DeepSeek-V3 0." in answer
    assert "Gemma 2 9B is left out: size of its weights not known." in answer
    figure = sequences_vs_context(
        sequence_curves(together.plan, [512, 32_768]), styles=model_styles([LLAMA, V3, GEMMA])
    )
    assert {LLAMA, V3} <= {trace.name for trace in figure.data}
    unknown = plan_comparison(replace(plan, weights_known=False), replace(comparison, models=own))
    assert list(unknown.plan.deployments) == [V3]


def test_weights_too_large_for_the_gpus_have_no_line_and_count_none():
    huge = compared(V3, weight_bytes=1342 * 10**9)
    plan = replace(windowed(12), context_len=32_768)
    together = plan_comparison(plan, model_comparison(SETTINGS, compared(LLAMA)[0], huge))
    assert [*sequence_curves(together.plan, [512]).curves] == [LLAMA]
    assert report.users_metrics(together.plan)[V3].value == "0"
