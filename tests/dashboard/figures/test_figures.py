"""Figures without Streamlit: what is drawn, its names, units, ranges, and nothing to draw."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from dashboard.data.decode_rows import decode_rows
from dashboard.data.predicted_steps import predicted_steps
from dashboard.figures import style
from dashboard.figures.attend_compared import attend_compared
from dashboard.figures.attend_vs_context import attend_vs_context
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.cache_vs_context import cache_vs_context
from dashboard.figures.head_sharing import head_sharing
from dashboard.figures.model_styles import MODEL_STYLES
from dashboard.figures.style import FAINT, INK, VARIANT_STYLES
from dashboard.settings.variants import variants
from dashboard.shell.page import STYLE
from gqa_core.configs import GroupedConfig
from tests.dashboard.example_settings import DECODE
from tests.records import fake_records as samples

CONTEXTS = [512, 4096, 32768]
SPREAD = samples.around(2e-3, low=1.9e-3, high=2.25e-3, median=4e-3)


def hover_texts(figure, start):
    """Places of the blocks whose hover text starts so, and the texts."""
    return [
        (x, text)
        for trace in figure.data
        for x, text in zip((trace.x or ())[::3], (trace.text or ())[::3], strict=False)
        if trace.mode == "lines" and text.startswith(start)
    ]


def widest(figure):
    """Pixels of the widest block."""
    return max(t.line.width for t in figure.data if t.mode == "lines")


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


@pytest.mark.parametrize(("n_heads", "n_kv_heads"), [(2, 1), (8, 2), (32, 8), (64, 64), (6, 3)])
def test_every_query_head_is_drawn_once_a_row_and_joined_to_its_k_v_head(n_heads, n_kv_heads):
    rows = variants(n_heads, n_kv_heads, 64)
    figure = head_sharing(rows)
    for variant, attention in rows.items():
        own = head_sharing({variant: attention})
        queries = hover_texts(own, f"{variant}: query head")
        assert sorted(x for x, _ in queries) == list(range(n_heads))
        cached = hover_texts(own, f"{variant}: {'latent' if variant == 'MLA' else 'K/V head'}")
        assert len(cached) == getattr(attention, "n_kv_heads", 1)
    lines = [t for t in figure.data if t.mode == "lines" and t.line.width == 1]
    # MLA: its own K and V are n_heads frames more, each joined to its query and to the latent
    assert sum(x is None for t in lines for x in t.x) == n_heads * (len(rows) + 2)


def test_the_middle_of_its_queries_is_where_a_k_v_head_stands():
    figure = head_sharing({"GQA": variants(8, 2, 64)["GQA"]})
    assert {x for x, _ in hover_texts(figure, "GQA: K/V head")} == {1.5, 5.5}
    texts = [text for _, text in hover_texts(figure, "GQA: query head")]
    assert "GQA: query head 3 reads K/V head 0" in texts
    assert "GQA: query head 4 reads K/V head 1" in texts


@pytest.mark.parametrize("n_heads", [8, 128])
def test_rows_have_names_and_mla_is_a_filled_latent_below_hollow_heads(n_heads):
    figure = head_sharing({"GQA": variants(n_heads, 4, 64)["GQA"]})
    names = list(figure.layout.yaxis.ticktext)
    assert names[:2] == ["query heads", "K/V heads"]
    figure = head_sharing({"MLA": variants(n_heads, 4, 64)["MLA"]})
    names = list(figure.layout.yaxis.ticktext)
    assert names[:3] == ["query heads", "own K and V", "latent + key"]
    (hollow,) = traces(figure, "own K and V")
    assert (hollow.line.width, hollow.fill) == (1, None)
    assert "not cached" in hollow.text[0]
    latent, key = (t for t in figure.data if t.mode == "lines" and len(t.x) == 2 and t.y[0] < 0.2)
    widths = [trace.x[1] - trace.x[0] for trace in (latent, key)]
    assert widths[0] / widths[1] == pytest.approx(256 / 32)  # kv_lora_rank over qk_rope_head_dim


@pytest.mark.parametrize(("n_heads", "n_kv_heads"), [(71, 1), (128, 128), (232, 8)])
def test_many_heads_are_funnels_that_never_overlap(n_heads, n_kv_heads):
    attention = GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=64)
    figure = head_sharing({"GQA": attention})
    assert not hover_texts(figure, "GQA: query head")
    edges = []
    for trace in (t for t in figure.data if t.fill == "toself"):
        for start in range(0, len(trace.x), 6):
            left, right, foot_right, foot_left = trace.x[start : start + 4]
            assert left - 1e-9 <= foot_left < foot_right <= right + 1e-9
            edges.append((left, right))
    assert len(edges) == n_kv_heads
    edges.sort()
    assert all(before < after for (_, before), (after, _) in pairwise(edges))
    assert (edges[0][0], edges[-1][1]) == (-0.42, n_heads - 1 + 0.42)
    assert len(hover_texts(figure, "GQA: K/V head")) == n_kv_heads
    assert widest(figure) * n_kv_heads <= 270  # pixels between the margins of a phone


def test_blocks_are_small_enough_to_stand_side_by_side_on_a_phone():
    for n_heads, n_kv_heads in ((32, 32), (32, 8), (8, 8), (2, 1)):
        figure = head_sharing(
            {"MHA": GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=64)}
        )
        assert widest(figure) * n_heads <= 270  # pixels between the margins


def test_cache_curves_are_lines_with_a_marker_where_the_slider_stands():
    curves = {"MHA": [2**20, 2**23, 2**26], "MQA": [2**15, 2**18, 2**21]}
    figure = cache_vs_context(curves, CONTEXTS, 4096)
    assert [t.name for t in figure.data] == ["MHA", "MQA", "context slider", "here"]
    (mha,) = traces(figure, "MHA")
    assert (mha.mode, mha.line.color) == ("lines+markers", VARIANT_STYLES["MHA"].color)
    assert list(mha.y) == curves["MHA"]
    (marker,) = traces(figure, "here")
    assert (list(marker.x), list(marker.y)) == ([4096] * 2, [2**23, 2**18])
    assert list(mha.text) == ["1.05 MB (1.00 MiB)", "8.39 MB (8.00 MiB)", "67.11 MB (64.00 MiB)"]
    assert figure.layout.yaxis.type == figure.layout.xaxis.type == "log"
    assert list(figure.layout.yaxis.ticktext) == ["10 kB", "100 kB", "1 MB", "10 MB", "100 MB"]
    assert [label.text[-3:] for label in figure.layout.annotations] == ["MHA", "MQA"]


def test_the_axes_stay_where_they_are_while_gqa_moves():
    ends = {"MHA": [2**20, 2**26], "MQA": [2**15, 2**21]}
    pictures = [
        cache_vs_context(ends | {"GQA": [2**power, 2 ** (power + 6)]}, [512, 32768], 512)
        for power in (16, 19)
    ]
    assert pictures[0].layout.yaxis.range == pictures[1].layout.yaxis.range
    assert pictures[0].layout.xaxis.range == pictures[1].layout.xaxis.range


def test_measured_points_are_markers_with_their_interval_over_predicted_lines():
    records = [
        samples.record(index=index, spec=samples.point(context_len=context), attend=attend)
        for index, (context, attend) in enumerate([(64, SPREAD), (256, (8e-3,) * 3)])
    ]
    rows = decode_rows(records)
    figure = attend_vs_context(rows, predicted_steps(DECODE, rows, (64, 128, 256)), 64)
    (measured,) = traces(figure, "GQA")
    assert measured.mode == "markers"
    assert list(measured.x) == [64, 256]
    assert list(measured.y) == [2e-3, 8e-3]
    assert measured.error_y.array[0] == pytest.approx(0.25e-3)  # up to 2.25 ms
    assert measured.error_y.arrayminus[0] == pytest.approx(0.1e-3)  # down to 1.9 ms
    assert list(measured.text) == [
        "2 ms (95% CI 1.9 ms to 2.25 ms), bound 500 us",
        "8 ms (95% CI 8 ms to 8 ms), bound 500 us",
    ]
    assert list(measured.marker.opacity) == [1, 1]
    (predicted,) = traces(figure, "GQA, predicted")
    assert (predicted.mode, predicted.line.color) == ("lines", VARIANT_STYLES["GQA"].color)
    assert list(predicted.x) == [64, 128, 256]
    assert list(predicted.y) == pytest.approx([0.6e-3, 1.1e-3, 2.1e-3])  # 0.1 ms + the bound
    (slider,) = traces(figure, "context slider")
    assert list(slider.x) == [64, 64]
    names = ["MHA", "GQA", "MQA", "MLA"]
    assert [label.text[-3:] for label in figure.layout.annotations] == names


def test_one_legend_entry_stands_for_all_predictions():
    rows = decode_rows([samples.record()])
    figure = attend_vs_context(rows, predicted_steps(DECODE, rows, (16, 64)), 64)
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert legend == ["predicted", "measured here"]


def test_nothing_to_draw_is_an_empty_picture_and_no_error():
    assert [trace.name for trace in attend_vs_context([], None, 512).data] == ["context slider"]
    assert len(head_sharing({}).data) == 0


def test_a_chart_is_drawn_once_and_its_text_is_the_page_s():
    """Plotly draws the copy that Streamlit hands it too, if there is a template or no revision."""
    figure = cache_vs_context({"MHA": [2**20, 2**23, 2**26]}, CONTEXTS, 4096)
    assert "template" not in figure.to_plotly_json()["layout"]
    assert figure.layout.datarevision is not None
    assert not figure.layout.xaxis.automargin  # it would be drawn again for its margins
    assert figure.layout.font.color == INK
    assert f'"{INK}"' in STYLE
    assert figure.layout.xaxis.title.text != figure.layout.yaxis.title.text


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"mode": "stars"}, {"line": {"width": "x"}}])
def test_a_figure_with_what_plotly_does_not_know_fails_a_test(wrong):
    sketch = FigureBuilder()
    sketch.add_scatter(x=[1], y=[1], **wrong)
    with pytest.raises(ValueError, match="Invalid"):
        sketch.figure()


def test_unusable_samples_are_faint_and_noisy_ones_are_not():
    records = [
        samples.record(index=0, spec=samples.point(context_len=64), attend=samples.UNUSABLE),
        samples.record(
            index=1,
            spec=samples.point(context_len=256),
            bandwidth_samples_bytes_per_s=samples.NOISY_BANDWIDTHS,
        ),
    ]
    rows = decode_rows(records)
    for figure in (attend_vs_context(rows, None, 64), attend_compared({"A": rows})):
        (markers,) = [t for t in figure.data if t.mode == "markers" and t.x[0] is not None]
        assert list(markers.marker.opacity) == [FAINT, 1]
        assert "2 ms (95% CI 1 ms to 2.5 ms), unusable samples" in markers.text[0]
        assert "unusable" not in markers.text[1]


def test_a_withheld_bound_is_not_told():
    records = [
        samples.record(index=0, spec=samples.point(context_len=64), attend=[0.0004] * 3),
        samples.record(index=1, spec=samples.point(context_len=256)),
    ]
    figure = attend_vs_context(decode_rows(records), None, 64)
    (measured,) = traces(figure, "GQA")
    assert ["bound" in text for text in measured.text] == [False, True]


def test_measured_elsewhere_is_an_open_marker_with_an_entry_of_its_own():
    rows = [
        *decode_rows([samples.record()], "measured elsewhere"),
        *decode_rows([samples.record(spec=samples.point(context_len=256))]),
    ]
    figure = attend_vs_context(rows, None, 64)
    symbols = [trace.marker.symbol for trace in traces(figure, "GQA")]
    assert symbols == ["square-open-dot", "square"]
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert legend[-2:] == ["measured elsewhere", "measured here"]


def test_no_figure_s_text_is_under_11_pixels():
    folder = Path(style.__file__).parent
    sizes = [
        (path.name, int(size))
        for path in folder.glob("*.py")
        for size in re.findall(r"font\"?[=:] ?\{[^}]*\"size\": (\d+)", path.read_text())
    ]
    assert sizes  # the pattern is that of the source
    assert [(name, size) for name, size in sizes if size < style.SMALL] == []
    assert min(style.SMALL, style.FONT["size"]) >= 11


def test_a_saved_picture_has_dark_text_on_white_and_a_page_shows_its_own_background():
    figure = cache_vs_context({"MHA": [2**20, 2**23, 2**26]}, CONTEXTS, 4096)
    assert figure.layout.paper_bgcolor == "#FFFFFF"
    assert figure.layout.font.color == INK
    assert ".main-svg {background: transparent !important}" in STYLE
    assert {figure.layout.legend.bgcolor, figure.layout.plot_bgcolor} == {"rgba(0,0,0,0)"}
    config = style.plot_config("cache")
    assert config["modeBarButtons"] == [["toImage"]]
    assert config["toImageButtonOptions"]["filename"] == "gqa-lab-cache"


def test_no_series_but_a_variant_has_a_variant_s_colour():
    variants = {each.color for each in VARIANT_STYLES.values()}
    by_key = (style.POLICY_STYLES, style.MODE_STYLES, style.VERDICT_STYLES)
    series = [each for styles in by_key for each in styles.values()] + [*MODEL_STYLES]
    assert not variants & {each.color for each in series}
    assert not variants & {fill for fill, _ in style.PART_STYLES.values()}
