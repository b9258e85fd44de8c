"""Heads on GPUs, drawn: every head once, copies hatched, and MLA's latent whole on each."""

from collections import Counter

import pytest

from dashboard.figures.head_colors import kv_head_color
from dashboard.figures.heads_on_gpus import MAX_LABELS, heads_on_gpus
from dashboard.report.cache_sentences import copies_sentence
from dashboard.report.cache_tables import gpu_table
from dashboard.settings.model import ModelSettings
from gqa_core.configs import GroupedConfig
from tests.anchors import DEEPSEEK_V3

LLAMA_70B = GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=128)


def cells(figure, name):
    """(GPU, hover) of the cells of each trace with this in its name."""
    return [
        (round(-y - 0.21) if trace.name != "query heads" else round(0.21 - y), hover)
        for trace in figure.data
        if name in trace.name
        for y, hover in zip(trace.y, trace.hovertext, strict=True)
    ]


@pytest.mark.parametrize(("tp", "n_cached", "n_copies"), [(2, 8, 0), (8, 8, 0), (16, 8, 8)])
def test_each_head_is_drawn_on_its_gpu_and_copies_apart(tp, n_cached, n_copies):
    figure = heads_on_gpus(LLAMA_70B, tp)
    queries = cells(figure, "query heads")
    assert [gpu for gpu, _ in queries] == [head * tp // 64 for head in range(64)]
    assert "query head 63<br>reads K/V head 7" in queries[-1][1]
    assert len(cells(figure, "K/V head, cached")) == n_cached
    assert len(cells(figure, "K/V head, a copy")) == n_copies
    hatched = [trace.name for trace in figure.data if trace.marker.pattern.shape == "/"]
    assert hatched == ["K/V head, a copy"] * bool(n_copies)


def test_a_copy_has_its_head_s_colour_and_names_its_own_readers():
    figure = heads_on_gpus(LLAMA_70B, 16)
    originals, copies = (t for t in figure.data if "K/V head" in t.name)
    assert list(originals.marker.color) == list(copies.marker.color)
    assert originals.marker.color[3] == kv_head_color(3)[0]
    assert (
        "K/V head 1, on an earlier GPU too<br>read here by query heads 12 to 15"
        in (copies.hovertext[1])
    )


def test_a_latent_is_whole_on_every_gpu():
    figure = heads_on_gpus(DEEPSEEK_V3, 8)
    assert len(cells(figure, "latent and RoPE key, cached")) == 1
    assert len(cells(figure, "latent and RoPE key, a copy")) == 7


@pytest.mark.parametrize(("n_kv_heads", "tp"), [(8, 1), (64, 2), (64, 8), (1, 32)])
def test_no_more_numbers_stand_side_by_side_than_a_phone_can_show(n_kv_heads, tp):
    figure = heads_on_gpus(GroupedConfig(n_heads=64, n_kv_heads=n_kv_heads, head_dim=64), tp)
    queries = figure.data[0]
    drawn = [y for y, label in zip(queries.y, queries.text, strict=True) if label]
    drawn += [annotation.y for annotation in figure.layout.annotations]
    assert all(count <= MAX_LABELS for count in Counter(drawn).values())
    assert bool(drawn) == (min(64, n_kv_heads) // tp <= MAX_LABELS or 64 // tp <= MAX_LABELS)


def test_a_split_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="tp must divide n_heads"):
        heads_on_gpus(LLAMA_70B, 3)


def test_bytes_a_gpu_are_those_of_the_heads_it_holds():
    settings = ModelSettings(
        n_heads=64,
        n_kv_heads=8,
        head_dim=128,
        context_len=1000,
        batch_size=1,
        n_layers=80,
        kv_format="bf16",
    )
    assert settings.bytes_per_gpu("GQA", 8) == settings.bytes_per_gpu("GQA", 16) == 40_960_000
    table = gpu_table(settings, LLAMA_70B, 16).frame()
    assert list(table["On an earlier GPU too"]) == ["no", "yes"] * 8
    assert list(table["Caches"])[:3] == ["K/V head 0", "K/V head 0", "K/V head 1"]


@pytest.mark.parametrize(
    ("attention", "tp", "text"),
    [
        (LLAMA_70B, 4, "Each of 4 GPUs keeps 2 K/V heads of 8: nothing is stored twice."),
        (LLAMA_70B, 16, "16 GPUs share 8 K/V heads: each is stored 2 times, so beyond 8 GPUs"),
        (DEEPSEEK_V3, 8, "each of 8 GPUs keeps all of it"),
    ],
)
def test_copies_are_told_in_words(attention, tp, text):
    assert text in copies_sentence(attention, tp)
