"""The KV cache page's figure: lines, markers with their error, ceilings and axes that stay."""

from dataclasses import replace
from functools import partial
from itertools import combinations

from dashboard.data import decode_rows as tables
from dashboard.data.cache_growth import CacheGrowth, Crossing, cache_growth_data, crossings
from dashboard.figures.cache_growth import cache_growth
from dashboard.figures.style import NEUTRAL, VARIANT_STYLES
from gqa_core.catalog.devices import devices
from tests.dashboard.example_settings import SIZE
from tests.records import fake_records as samples

CONTEXTS = [512, 4096, 32768]
CURVES = {"MHA": [2**20, 2**23, 2**26], "MQA": [2**15, 2**18, 2**21]}
CEILINGS = {"A card": 24 * 10**9, "B card": 80 * 10**9, "C card": 80 * 10**9}


def drawn(**data):
    return cache_growth(
        CacheGrowth(**{"curves": CURVES, "contexts": CONTEXTS, "context_len": 512} | data)
    )


def named(figure, name):
    (trace,) = [trace for trace in figure.data if trace.name == name]
    return trace


def test_formulas_are_lines_in_their_variant_s_look_with_both_units_on_hover():
    figure = drawn(context_len=4096)
    mha = named(figure, "MHA")
    assert (mha.mode, mha.line.color, mha.line.dash) == (
        "lines+markers",  # unseen, for clicks
        VARIANT_STYLES["MHA"].color,
        "solid",
    )
    assert mha.marker.opacity == mha.unselected.marker.opacity == 0
    assert list(mha.y) == CURVES["MHA"]
    assert mha.text[0] == "1.05 MB (1.00 MiB)"
    assert list(named(figure, "context slider").x) == [4096, 4096]
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_measured_bytes_are_markers_that_tell_their_error():
    rows = tables.cache_rows(tables.decode_rows([samples.record()]), SIZE)
    figure = drawn(curves={"GQA": [2**14] * 3}, measured=rows)
    tensors = named(figure, "GQA (live tensors, measured)")
    peak = named(figure, "GQA (peak, measured)")
    # 2 x 2 x 16 elements x 4 B x 64 tokens = 16,384 B; the sample's peak is 20,000 B
    assert (tensors.mode, list(tensors.x), list(tensors.y)) == ("markers", [64], [16384])
    assert tensors.text[0] == "16.38 kB (16.00 KiB), +0.00% against the formula"
    assert peak.text[0] == "20.00 kB (19.53 KiB), +22.07% against the formula"
    assert tensors.marker.symbol != peak.marker.symbol
    shown = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert shown[-2:] == ["live tensors (measured here)", "peak (measured here)"]


def test_ceilings_are_dashed_grey_lines_and_equal_ones_are_one():
    figure = drawn(ceilings=CEILINGS)
    lines, labels = named(figure, "ceilings"), named(figure, "ceiling labels")
    assert (lines.line.color, lines.line.dash) == (NEUTRAL, "dash")
    assert list(lines.y) == [24e9, 24e9, None, 80e9, 80e9, None]
    assert list(lines.text[::3]) == ["A card: 24 GB", "B card, C card: 80 GB"]
    assert list(labels.text) == ["A card, 24 GB", "B card +1, 80 GB"]
    assert labels.x[0] == labels.x[1]  # far enough apart to stand at the left end both


def test_labels_of_close_ceilings_do_not_meet():
    sizes = [24, 48, 80, 141]
    figure = drawn(ceilings={f"{size}": size * 10**9 for size in sizes})
    labels = named(figure, "ceiling labels")
    assert labels.x[0] == labels.x[1] == labels.x[3] < labels.x[2]
    for (lower_x, lower_y), (x, y) in combinations(zip(labels.x, labels.y, strict=True), 2):
        assert lower_x != x or y > 2 * lower_y
    over = [y > size * 10**9 for y, size in zip(labels.y, sizes, strict=True)]
    assert over == [False, True, True, True]
    low, high = figure.layout.xaxis.range
    assert all(10**low < x < 10**high for x in labels.x)


def test_the_axis_holds_the_highest_ceiling_whether_it_is_drawn_or_not():
    without, with_all = (
        drawn(ceilings=ceilings, highest_bytes=80 * 10**9) for ceilings in ({}, CEILINGS)
    )
    assert without.layout.yaxis.range == with_all.layout.yaxis.range
    assert 10 ** without.layout.yaxis.range[1] >= 80 * 10**9


def test_what_is_allocated_beyond_windows_is_a_thin_line_in_the_same_look():
    allocated = {"MHA": [2**21, 2**24, 2**27]}
    figure = drawn(allocated=allocated)
    ideal, thin = named(figure, "MHA"), named(figure, "MHA as allocated")
    assert (thin.line.color, thin.line.dash) == (ideal.line.color, ideal.line.dash)
    assert thin.line.width < ideal.line.width
    assert list(thin.y) == allocated["MHA"]
    shown = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert shown == ["thin: as allocated"]
    assert figure.layout.showlegend
    assert not [t for t in drawn().data if "allocated" in t.name]


def test_every_size_of_hover_labels_and_legends_is_11_pixels_at_least():
    figure = drawn(ceilings=CEILINGS)
    assert figure.layout.font.size >= 11
    assert "size" not in named(figure, "ceiling labels").textfont.to_plotly_json()


def test_a_ring_stands_where_a_variant_fills_a_device():
    crossing = Crossing(
        name="MHA", context_len=20011, memory_bytes=80 * 10**9, devices=("B card", "C card")
    )
    ring = named(drawn(ceilings=CEILINGS, crossings=[crossing]), "meets a device's memory")
    assert (list(ring.x), list(ring.y)) == ([20011], [80e9])
    assert ring.marker.color == (VARIANT_STYLES["MHA"].color,)
    assert ring.text[0] == "MHA fills 80 GB (B card, C card) at 20,011 tokens"


def test_crossings_are_the_longest_contexts_that_fit():
    # 80 layers and 64 users, 5,120 caches in fp32. Per token MHA takes 2 x 8 x 16 x 4 B = 1,024 B,
    # GQA a quarter, MQA an eighth, MLA (4 x 16 + 8) x 4 B = 288 B. 24 GB / 5,242,880 B = 4,577
    settings = replace(SIZE, n_layers=80, batch_size=64)
    sizes = {name: partial(settings.cache_bytes, name) for name in settings.models}
    cards = [device for device in devices() if device.memory_bytes == 24 * 10**9]
    places = crossings(sizes, cards, 2**20)
    assert [(each.name, each.context_len) for each in places] == [
        ("MHA", 4577),
        ("GQA", 18_310),
        ("MQA", 36_621),
        ("MLA", 16_276),
    ]
    assert places[0].devices == [device.name for device in cards]
    assert not crossings(sizes, cards, 4577)  # further than is drawn
    data = cache_growth_data(settings, CONTEXTS, ceilings=cards)
    assert data.crossings == crossings(sizes, cards, max(CONTEXTS))
    assert data.contexts == sorted([*CONTEXTS, 4577, 18_310, 16_276])  # hovering shows all there
    assert all(settings.cache_bytes(each.name, each.context_len) <= 24e9 for each in places)
    assert all(settings.cache_bytes(each.name, each.context_len + 1) > 24e9 for each in places)
