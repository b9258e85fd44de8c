"""The GPU that fills: its first picture is full, its frames are few and small, and none glides."""

import plotly.graph_objects as go

from dashboard.figures.gpu_fill import gpu_fill_figure
from dashboard.figures.player import BUTTONS
from dashboard.figures.style import VARIANT_STYLES
from tests.dashboard.data.test_gpu_fill import gpu_fill, plan

FILL = gpu_fill(plan("Llama 3 8B"))
FIGURE = go.Figure(gpu_fill_figure(FILL).to_plotly_json())  # validated, frames too
N_ROWS = 4


def lengths(trace):
    return [round(length, 2) for length in trace.x]


def test_the_first_picture_is_the_last_frame_and_full():
    bars, labels = FIGURE.data[:2]
    last = FIGURE.frames[-1]
    assert lengths(bars) == lengths(last.data[0])
    assert list(labels.text) == list(last.data[1].text)
    assert labels.text[0] == "<b>MHA  full</b> at 113k tokens: 13 users of 8192"
    assert [text[3:6] for text in labels.text] == ["MHA", "GQA", "MQA", "MLA"]
    caches = lengths(bars)[2 * N_ROWS :]
    assert max(caches) - min(caches) < 0.01  # all are as full as the others
    assert FIGURE.layout.sliders[0].active == len(FIGURE.frames) - 1


def test_a_bar_is_weights_cache_and_runtime_and_fills_the_memory():
    (bars,) = [trace for trace in FIGURE.data if trace.type == "bar"]  # frames erase another's bars
    weights, runtime, cache = (lengths(bars)[n : n + N_ROWS] for n in (0, N_ROWS, 2 * N_ROWS))
    assert weights == [16.06] * N_ROWS
    assert abs(weights[0] + runtime[0] + cache[0] - FIGURE.layout.xaxis.range[1]) < 0.02
    assert list(bars.marker.color)[2 * N_ROWS :] == [
        VARIANT_STYLES[name].color for name in FILL.rows
    ]


def test_frames_change_bars_and_labels_alone_and_are_drawn_at_once():
    for frame in FIGURE.frames:
        assert [trace.type for trace in frame.data] == ["bar", "scatter"]
        assert list(frame.traces) == [0, 1]
    play, pause = FIGURE.layout.updatemenus[0].buttons
    steps = FIGURE.layout.sliders[0].steps
    assert len(steps) == len(FIGURE.frames) <= 36
    for button in (play, pause, *steps):
        assert button.args[1]["transition"]["duration"] == 0
    assert play.args[0] is None
    assert play.args[1]["fromcurrent"]
    assert list(pause.args[0]) == [None]


def test_it_is_small_and_its_controls_lie_side_by_side_on_a_phone():
    assert len(FIGURE.to_json()) < 80_000
    assert FIGURE.layout.sliders[0].pad.l == BUTTONS > 110  # pixels of both buttons
    assert FIGURE.layout.height <= 440
    fonts = [FIGURE.layout.sliders[0].font.size, FIGURE.layout.xaxis.title.font.size]
    assert min(fonts) >= 11
