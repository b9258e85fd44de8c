"""The figure of all numbers of K/V heads: rows, limits, losses at measured ratios, and marks."""

from dataclasses import replace

import plotly.graph_objects as go
import pytest

from dashboard.figures.kv_head_choices import FAILS, kv_head_choices
from dashboard.figures.style import VARIANT_STYLES
from dashboard.report.advice_tables import option_table
from dashboard.report.choice_sentences import caption
from gqa_core.advice import advise
from gqa_core.configs import GroupedConfig, ModelConfig
from gqa_core.records.reference_runs import reference_runs
from tests.advice.test_advise import REQUEST


def draw(advice, chosen=None):
    figure = kv_head_choices(advice, chosen)
    return go.Figure(figure.to_dict())  # validates


def with_heads(n_heads, **more):
    layer = GroupedConfig(n_heads=n_heads, n_kv_heads=1, head_dim=64)
    return replace(REQUEST, model=ModelConfig.uniform(layer, 8), **more)


@pytest.fixture(scope="module")
def advice():
    return advise(REQUEST, reference_runs())


def test_a_bar_past_the_line_is_grey_if_fewer_users_are_to_count_on(advice):
    strict = advise(replace(advice.request, n_users=149))
    figure = draw(strict)
    bars, limit = figure.data[0], figure.data[1]
    assert bars.x[4] == limit.x[0] == 149
    assert bars.marker.color[4] == FAILS
    assert "fails: 149 users of 8,192 tokens fit, 141 to count on, 149 wanted" in bars.hovertext[4]
    assert "those to count on must be as many as wanted" in caption(strict)


def test_failing_rows_are_grey_and_the_recommended_one_has_its_full_colour(advice):
    bars = draw(advice).data[0]
    assert list(bars.marker.color[:4]) == [FAILS] * 4
    assert bars.marker.color[4] == VARIANT_STYLES["GQA"].color
    assert FAILS not in bars.marker.color[4:]
    assert "99 users of 8,192 tokens fit, 94 to count on, 100 wanted" in bars.hovertext[3]
    assert list(bars.customdata) == [24, 12, 8, 6, 4, 3, 2, 1, None]


def test_the_limit_is_a_dashed_line_at_the_wanted_users(advice):
    limit = draw(advice).data[1]
    assert list(limit.x) == [100, 100]
    assert limit.line.dash == "dash"
    none = draw(advise(replace(REQUEST, n_users=None)))
    assert not [trace for trace in none.data if trace.type == "scatter" and trace.mode == "lines"]


def test_losses_are_markers_at_measured_ratios_alone(advice):
    markers, missing = draw(advice).data[2:4]
    assert list(markers.y) == [0, 1, 3, 5]
    assert list(missing.y) == [2, 4, 6, 7, 8]
    assert missing.mode == "text"
    assert "measured elsewhere" in markers.hovertext[0]


def test_published_models_are_counted_and_named(advice):
    bars = draw(advice).data[4]
    assert list(bars.x) == [len(option.chosen_by) for option in advice.options]
    assert advice.options[3].chosen_by[0] in bars.hovertext[3]


def test_rows_are_aligned_and_labelled_once(advice):
    layout = draw(advice).layout
    assert layout.yaxis.range == layout.yaxis2.range == layout.yaxis3.range == (8.5, -0.5)
    assert layout.yaxis.ticktext[4] == "<b>▶ 4 (6:1) ◆</b>"
    assert layout.yaxis.ticktext[8] == "MLA 512 ◆"
    assert not layout.yaxis2.showticklabels
    assert layout.height <= 440


def test_a_frame_marks_the_row_of_the_sliders(advice):
    (frame,) = draw(advice, chosen=8).layout.shapes
    assert (frame.y0, frame.y1) == (1.55, 2.45)
    assert not draw(advice, chosen=5).layout.shapes


@pytest.mark.parametrize("n_heads", [1, 71, 128, 840, 1024])
def test_any_number_of_heads_is_drawn_with_rows_that_can_be_read(n_heads):
    advice = advise(with_heads(n_heads), reference_runs())
    figure = draw(advice)
    assert len(figure.data[0].y) == len(advice.options)
    assert (figure.layout.height - 70) / len(advice.options) >= 20


def test_bars_beyond_the_axis_are_cut_with_their_number_inside():
    bars = draw(advise(with_heads(128, n_users=10))).data[0]
    assert bars.text[-2].endswith(" »")
    assert bars.textposition[-2] == "inside"
    assert bars.x[-2] < 40


def test_rows_that_cannot_be_split_say_so():
    bars = draw(advise(replace(REQUEST, tp=4))).data[0]
    assert bars.text[3] == "no: tp"
    assert "got 4 and 6" in bars.hovertext[3]


def test_the_table_has_a_row_per_option_with_its_verdict(advice):
    rows = option_table(advice).texts()
    verdicts = {row[0]: row[1] for row in rows}
    assert verdicts["4 (6:1)"] == "recommended"
    assert verdicts["6 (4:1)"] == "99 users of 8,192 tokens fit, 94 to count on, 100 wanted"
    assert verdicts["2 (12:1)"] == "passes"
    assert [row[-3] for row in rows] == ["yes"] * 9
    assert "4 (6:1),recommended,149" in option_table(advice).csv()
