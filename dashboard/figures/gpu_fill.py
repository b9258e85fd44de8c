"""One GPU's memory per variant, filled by its cache token by token: frames that run in the browser.

From the left: grey weights, the cache in the variant's colour, what is still free, and pale what is
left for the runtime. A cell is 2% of the memory.
"""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.data.gpu_fill import FilledRow, GpuFill
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.player import CONTROLS, add_player
from dashboard.figures.style import GRID, NEUTRAL, NO_LINE, VARIANT_STYLES, finish
from gqa_core import units

ROW = 66  # pixels
AXIS = 62  # pixels of ticks and title
BAR = 0.46  # of a row
LABEL = 0.4  # above the middle of a bar, in rows
CELL_LINES = "rgba(255, 255, 255, 0.45)"
FRAME_MS = 400
BARS, LABELS = 0, 1  # the traces that frames change


def gpu_fill_figure(fill: GpuFill) -> go.Figure:
    """A bar per variant; the first picture is full, and Play begins with an empty GPU."""
    figure = FigureBuilder()
    last = len(fill.tokens) - 1
    figure.add_bar(**_bars(fill), x=_bar_lengths(fill, last))
    figure.add_scatter(**_label_places(fill), text=_labels(fill, last))
    _add_cells(figure, fill)
    for index in range(last + 1):
        figure.add_frame(
            str(index),
            {BARS: {"x": _bar_lengths(fill, index)}, LABELS: {"text": _labels(fill, index)}},
        )
    add_player(
        figure,
        [units.compact(tokens) for tokens in fill.tokens],
        prefix="tokens cached: ",
        frame_ms=FRAME_MS,
        below=AXIS,
    )
    memory = fill.memory_bytes / units.GB
    figure.update_xaxes(
        range=[0, memory],
        title={"text": _title(fill), "standoff": 4, "font": {"size": 12}},
        zeroline=False,
        fixedrange=True,
        nticks=9,
    )
    n_rows = len(fill.rows)
    figure.update_yaxes(visible=False, range=[-0.4, n_rows - 0.3], fixedrange=True)
    return finish(
        figure,
        height=ROW * n_rows + AXIS + CONTROLS,
        barmode="overlay",
        showlegend=False,
        margin={"l": 8, "r": 12, "t": 4, "b": AXIS + CONTROLS},
    )


def _title(fill: GpuFill) -> str:
    gpus = "one" if fill.n_gpus == 1 else f"each of {fill.n_gpus}"
    return f"GB of {gpus} {fill.gpu}<br>grey: weights; pale: left for the runtime"


def _heights(fill: GpuFill) -> list[int]:
    return list(reversed(range(len(fill.rows))))


def _bars(fill: GpuFill) -> dict:
    """Weights, runtime and cache of all rows as one trace: a frame erases the bars of others."""
    n_rows, weights = len(fill.rows), fill.weight_bytes / units.GB
    end = (fill.weight_bytes + fill.budget_bytes) / units.GB
    colors = [VARIANT_STYLES[variant].color for variant in fill.rows]
    return {
        "y": _heights(fill) * 3,
        "base": [0.0] * n_rows + [end] * n_rows + [weights] * n_rows,
        "orientation": "h",
        "width": BAR,
        "name": "memory",
        "marker": {"color": [NEUTRAL] * n_rows + [GRID] * n_rows + colors, "line": NO_LINE},
        "customdata": [*["weights"] * n_rows, *["left for the runtime"] * n_rows, *fill.rows],
        "hovertemplate": "%{customdata}: %{x:.2f} GB<extra></extra>",
    }


def _bar_lengths(fill: GpuFill, frame: int) -> list[float]:
    """GB of each bar: those of the weights, of the runtime, and of the caches in this frame."""
    runtime = fill.memory_bytes - fill.weight_bytes - fill.budget_bytes
    caches = [row.cache_bytes[frame] for row in fill.rows.values()]
    lengths = [fill.weight_bytes] * len(caches) + [runtime] * len(caches) + caches
    return [round(n_bytes / units.GB, 2) for n_bytes in lengths]


def _label_places(fill: GpuFill) -> dict:
    return {
        "x": [0] * len(fill.rows),
        "y": [height + LABEL for height in _heights(fill)],
        "mode": "text",
        "textposition": "middle right",
        "name": "labels",
        "textfont": {"size": 13},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _labels(fill: GpuFill, frame: int) -> list[str]:
    return [_label(fill, name, row, frame) for name, row in fill.rows.items()]


def _label(fill: GpuFill, variant: str, row: FilledRow, frame: int) -> str:
    users = units.count(row.users[frame], "user")
    if fill.tokens[frame] < row.full_tokens:
        size = units.decimal(row.cache_bytes[frame])
        return f"<b>{variant}</b>  {size}: {users} of {fill.context_len}"
    full = units.compact(row.full_tokens)
    return f"<b>{variant}  full</b> at {full} tokens: {users} of {fill.context_len}"


def _add_cells(figure: FigureBuilder, fill: GpuFill) -> None:
    """Lines that make cells of the room for a cache, and the outline of the GPU's memory."""
    memory, start = fill.memory_bytes / units.GB, fill.weight_bytes / units.GB
    end = start + fill.budget_bytes / units.GB
    xs: list[float | None] = []
    ys: list[float | None] = []
    for height in _heights(fill):
        low, high = height - BAR / 2, height + BAR / 2
        for x in (memory * step / 100 for step in range(4, 100, 4)):
            if start < x < end:
                xs += [round(x, 2)] * 2 + [None]
                ys += [low, high, None]
        xs += [start, end, None]
        ys += [height, height, None]
    line = {"color": CELL_LINES, "width": 1}
    figure.add_scatter(x=xs, y=ys, mode="lines", name="cells", line=line, hoverinfo="skip")
    box_x = [x for _ in fill.rows for x in (0, memory, memory, 0, 0, None)]
    box_y = [
        None if edge is None else height + edge * BAR / 2
        for height in _heights(fill)
        for edge in (-1, -1, 1, 1, -1, None)
    ]
    outline = {"color": NEUTRAL, "width": 1}
    figure.add_scatter(
        x=box_x, y=box_y, mode="lines", name="memory", line=outline, hoverinfo="skip"
    )
