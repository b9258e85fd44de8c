"""Work with and without a cache: lines by formula, markers that share their scale, and cells."""

from dataclasses import replace

import pytest

from dashboard.data.cached_work import MeasuredSteps, cached_work
from dashboard.figures.cached_work import cached_work_figure
from dashboard.figures.score_cells import STEPS, score_cells_figure
from gqa_core.records.header import MEASURED_ELSEWHERE

FORMULA = cached_work(768)
MEASURED = replace(
    FORMULA,
    measured={
        "cached": MeasuredSteps(lengths=(384, 768), seconds=(4e-5, 8e-5)),
        "recomputed": MeasuredSteps(lengths=(384, 768), seconds=(3e-3, 11e-3)),
    },
    cells_per_s=768 * 769 / 2 / 11e-3,
    evidence=MEASURED_ELSEWHERE,
)


def trace(figure, name):
    (match,) = [trace for trace in figure.data if trace.name == name]
    return match


def test_one_is_a_straight_line_and_the_other_a_parabola_on_linear_axes():
    figure = cached_work_figure(FORMULA)
    cached, recomputed = (trace(figure, f"{mode} cache, formula") for mode in ("with", "without"))
    assert list(cached.y) == list(cached.x)
    assert recomputed.y[-1] == 768 * 769 // 2
    assert figure.layout.xaxis.type != "log"
    assert figure.layout.yaxis.type != "log"
    assert FORMULA.step_ratio == 769 / 2
    assert FORMULA.total_ratio == pytest.approx(770 / 3)
    assert len(figure.data) == 2  # nothing is measured: no markers, and no second axis
    assert "yaxis2" not in figure.layout
    assert figure.layout.height <= 440


def test_measured_markers_agree_with_the_formula_at_the_longest_step_without_a_cache():
    figure = cached_work_figure(MEASURED)
    markers = trace(figure, "without cache, measured")
    assert (markers.yaxis, markers.mode) == ("y2", "markers")
    left, right = figure.layout.yaxis.range[1], figure.layout.yaxis2.range[1]
    assert markers.y[-1] / right == pytest.approx(768 * 769 / 2 / left)
    assert "measured elsewhere" in figure.layout.yaxis2.title.text
    assert markers.marker.symbol.endswith("-open-dot")
    assert list(trace(figure, "with cache, measured").y) == [4e-5, 8e-5]


def test_a_step_is_a_row_with_a_cache_and_the_whole_triangle_without():
    figure = score_cells_figure()
    for step, frame in enumerate(figure.frames, start=1):
        cached, recomputed = ([cell for row in trace.z for cell in row] for trace in frame.data[:2])
        assert cached.count(1) == step
        assert cached.count(1) + cached.count(0) == step * (step + 1) // 2
        assert recomputed.count(1) == step * (step + 1) // 2
        assert recomputed.count(0) == 0
        assert f"{step} cell" in frame.data[2].text[0]
    counters = trace(figure, "counters")
    assert list(counters.text) == list(figure.frames[-1].data[2].text)
    assert "78 cells<br>so far: 364" in counters.text[1]  # 12 x 13 / 2, 12 x 13 x 14 / 6
    assert len(figure.frames) == STEPS <= 36
    assert len(figure.to_json()) < 40_000
    assert all(step.args[1]["frame"]["redraw"] for step in figure.layout.sliders[0].steps)
