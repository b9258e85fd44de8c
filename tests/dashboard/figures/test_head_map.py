"""The head map without Streamlit: every head drawn, joined to what it reads, and told on hover."""

from itertools import pairwise

import pytest

from dashboard.figures.head_colors import KV_HEAD_FILLS, kv_head_color
from dashboard.figures.head_map import MAX_JOINED, MAX_LABELS, head_map
from dashboard.settings.variants import variants
from gqa_core.configs import GroupedConfig

JOINED = [(2, 1), (8, 2), (32, 8), (64, 64), (28, 7), (64, 1)]
STRIPS = [(80, 10), (128, 8), (128, 128), (128, 1), (112, 16)]


def layer(n_heads, n_kv_heads):
    return GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=128)


def trace(figure, name):
    (match,) = [trace for trace in figure.data if trace.name == name]
    return match


def targets(figure, index):
    """Markers to click on cells of query heads (0) or of K/V heads (1)."""
    return [trace for trace in figure.data if trace.name == "targets"][index]


def flat(rows):
    return [cell for row in rows for cell in row if cell is not None]


@pytest.mark.parametrize(("n_heads", "n_kv_heads"), JOINED)
def test_up_to_64_heads_are_circles_over_the_square_they_read(n_heads, n_kv_heads):
    figure = head_map(layer(n_heads, n_kv_heads), "bf16")
    queries, cached = trace(figure, "query heads"), trace(figure, "K/V heads")
    assert list(queries.x) == list(range(n_heads))
    assert len(cached.x) == n_kv_heads
    per = n_heads // n_kv_heads
    assert [queries.hovertext[q] for q in (0, n_heads - 1)] == [
        "query head 0<br>reads K/V head 0",
        f"query head {n_heads - 1}<br>reads K/V head {n_kv_heads - 1}",
    ]
    assert list(queries.marker.color) == [cached.marker.color[q // per] for q in range(n_heads)]
    lines = [trace for trace in figure.data if trace.name == "reads"]
    ends = [
        (x, line.x[place + 1], line.line.color)
        for line in lines
        for place, x in enumerate(line.x)
        if place % 3 == 0
    ]
    own = [(cached.x[kv], cached.marker.color[kv]) for kv in range(n_kv_heads)]
    assert sorted(ends) == [(q, *own[q // per]) for q in range(n_heads)]


@pytest.mark.parametrize(("n_heads", "n_kv_heads"), STRIPS)
def test_more_heads_are_numbered_cells_in_the_colour_they_read(n_heads, n_kv_heads):
    figure = head_map(layer(n_heads, n_kv_heads), "bf16")
    queries, cached = trace(figure, "query heads"), trace(figure, "K/V heads")
    per = n_heads // n_kv_heads
    assert flat(queries.z) == [q // per % len(KV_HEAD_FILLS) for q in range(n_heads)]
    assert len(flat(cached.z)) == n_kv_heads
    assert max(map(len, queries.z)) == MAX_LABELS  # as many numbers as fit side by side
    numbers = [t for t in figure.data if t.name == "numbers"]
    shown = [int(text) for trace in numbers for text in trace.text]
    assert sorted(shown) == sorted([*range(n_heads), *range(n_kv_heads)])
    assert all(t.unselected.textfont.color == t.textfont.color for t in numbers)
    last = f"query head {n_heads - 1}<br>reads K/V head {n_kv_heads - 1}"
    assert targets(figure, 0).hovertext[-1] == last


@pytest.mark.parametrize("n_heads", [2, 15, 16, 17, 20, 28, 32, 48, 56, MAX_JOINED])
def test_no_more_numbers_stand_side_by_side_than_a_phone_can_show(n_heads):
    figure = head_map(layer(n_heads, n_heads), "bf16")
    for name in ("query heads", "K/V heads"):
        shown = [text for text in trace(figure, name).text if text]
        assert 0 < len(shown) <= MAX_LABELS
        assert shown[0] == "0"


@pytest.mark.parametrize(("n_heads", "n_kv_heads"), [(32, 8), (128, 8)])
def test_a_k_v_head_tells_its_queries_bytes_and_share(n_heads, n_kv_heads):
    figure = head_map(layer(n_heads, n_kv_heads), "fp8")
    cached = trace(figure, "K/V heads") if n_heads == 32 else targets(figure, 1)
    hover = cached.hovertext[3]
    first, last = (12, 15) if n_heads == 32 else (48, 63)
    assert hover.split("<br>") == [
        "K/V head 3",
        f"read by query heads {first} to {last}",
        "256 B per token and layer",  # 2 x 128 elements of 1 B
        "12.5% of the read",
    ]


def test_the_selected_k_v_head_stands_out():
    figure = head_map(layer(8, 2), "bf16", selected=1)
    widths = [trace.line.width for trace in figure.data if trace.name == "reads"]
    assert widths[1] > widths[0]
    band = trace(figure, "selected")
    assert (min(band.x), max(band.x)) == (3.5, 7.5)  # behind query heads 4 to 7
    sizes = trace(figure, "query heads").marker.size
    assert min(sizes[4:]) > max(sizes[:4])
    frames = [t for t in head_map(layer(128, 8), "bf16", selected=1).data if t.name == "selected"]
    queries = frames[0]
    assert sum(x is None for x in queries.x) == 16
    # query heads 16 to 31 are the whole second row of 16 cells
    assert {round(y, 2) for y in queries.y if y is not None} == {-1.92, -1.08}


@pytest.mark.parametrize(("n_heads", "n_kv_heads"), [(32, 8), (64, 64), (128, 8)])
def test_every_head_that_is_clicked_names_what_it_reads(n_heads, n_kv_heads):
    figure = head_map(layer(n_heads, n_kv_heads), "bf16")
    if n_heads <= MAX_JOINED:
        queries, cached = trace(figure, "query heads"), trace(figure, "K/V heads")
    else:
        queries, cached = (targets(figure, index) for index in (0, 1))
    per = n_heads // n_kv_heads
    assert list(queries.customdata) == [f"K/V head {q // per}" for q in range(n_heads)]
    assert list(cached.customdata) == [f"K/V head {kv}" for kv in range(n_kv_heads)]
    for clicked in (queries, cached):
        assert clicked.hoverinfo != "skip"  # Plotly would not click it either
        assert clicked.unselected.marker.opacity == 1
    latent = head_map(variants(n_heads, 1, 128)["MLA"], "bf16")
    assert list(trace(latent, "RoPE key").customdata) == ["RoPE key"]


@pytest.mark.parametrize("n_heads", [2, 32, 64, 80, 128])
def test_mla_is_a_latent_and_a_rope_key_and_every_head_has_its_own_k_and_v(n_heads):
    figure = head_map(variants(n_heads, 1, 128)["MLA"], "bf16")
    latent, rope = trace(figure, "latent"), trace(figure, "RoPE key")
    assert latent.x[0] / rope.x[0] == pytest.approx(512 / 64)
    assert "1.00 KiB per token and layer" in latent.hovertext[0]
    assert f"read by query heads 0 to {n_heads - 1}" in rope.hovertext[0]
    own = trace(figure, "own K and V" if n_heads <= MAX_JOINED else "query heads")
    assert own.marker.symbol == "square-open"
    assert len(own.x) == n_heads
    text = " ".join(note.text for note in figure.layout.annotations)
    assert "latent of 512 and a RoPE key of 64" in text
    assert "not cached" in text


def test_neighbours_never_have_the_same_colour():
    fills = [kv_head_color(index)[0] for index in range(129)]
    assert all(left != right for left, right in pairwise(fills))
