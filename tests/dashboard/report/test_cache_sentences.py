"""Words: the lecture's numbers in sentences, filled-in formulas and answers."""

import pytest

from dashboard.report import cache_sentences as sentences
from dashboard.settings.presets import DEEPSEEK
from dashboard.settings.variants import variants
from gqa_core.configs import GroupedConfig
from gqa_core.theory.sharing import cached_parts


def grouped(n_heads, n_kv_heads):
    return GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=128)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (grouped(32, 8), "8 K/V heads (G = 8 groups), 4 queries each"),
        (grouped(32, 1), "1 K/V head (G = 1 group), 32 queries each"),
        (grouped(32, 32), "32 K/V heads (G = 32 groups), one query each: no head shares"),
        (variants(32, 8, 128)["MLA"], "A latent of 512 and a RoPE key of 64 are cached for all 32"),
    ],
)
def test_sharing_says_heads_and_groups_apart(layer, text):
    assert sentences.sharing_sentence(layer).startswith(text)


def test_one_head_is_one_in_words():
    layers = variants(1, 1, 128)
    assert sentences.heads_answer(layers["MHA"]).startswith(
        "N = 1 head in G = 1 group is 1 head in each group: this is MHA"
    )
    assert "cached for 1 query head. " in sentences.sharing_sentence(layers["MLA"])
    assert sentences.heads_answer(layers["MLA"]).startswith("N = 1 head has its own K and V, ")


def test_heads_that_share_keep_their_own_queries():
    assert "still have their own queries" in sentences.sharing_sentence(grouped(32, 8))
    assert "still have" not in sentences.sharing_sentence(grouped(32, 32))


def test_a_part_tells_its_readers_bytes_and_share():
    part = cached_parts(grouped(128, 8))[7]
    text = sentences.part_sentence(part, "bf16")
    assert "read by query heads 112 to 127 (16 query heads)" in text
    assert "512 B per token and layer in bf16, 12.5% of what a step reads" in text


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (grouped(128, 8), "N / n_kv_heads = 128 / 8 = 16x smaller than MHA's"),
        (grouped(32, 32), "this is MHA, and N / n_kv_heads = 32 / 32 = 1x saves nothing"),
        (variants(128, 8, 128)["MLA"], "32,768 / 576 = 56.9x fewer than MHA keeps"),
    ],
)
def test_the_answer_on_heads_is_computed(layer, text):
    assert text in sentences.heads_answer(layer)


def test_formulas_are_filled_in_with_the_sliders_numbers():
    assert sentences.formula_filled_in(DEEPSEEK, "MHA") == (
        "2 x 128 x 128 x 61 layers x 2 B x 100000 tokens x 1 = 399,769,600,000 B"
        " = 399.77 GB (372.31 GiB)"
    )
    assert sentences.formula_filled_in(DEEPSEEK, "MLA").startswith("(512 + 64) x 61 layers")


def test_the_lecture_s_400_gb_hold_just_after_100_000_tokens_in_bf16():
    text = sentences.lecture_sentence(DEEPSEEK)
    assert text.startswith("61 layers, 128 heads of width 128, bf16, batch 1")
    assert text.endswith("MHA reaches 400 GB at 100,058 tokens")


def test_the_answer_on_the_cache_holds_the_lecture_s_numbers():
    text = sentences.cache_answer(DEEPSEEK)
    assert text == (
        "At 100,000 tokens MHA keeps 400 GB; GQA 25 GB (16x smaller), MQA 3.12 GB (128x smaller), "
        "MLA 7.03 GB (56.9x smaller)."
    )
