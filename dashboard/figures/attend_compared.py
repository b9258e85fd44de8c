"""Two selections of measured points on one chart: attend time against context, A beside B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.data.decode_rows import Row, row_label
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.measured import describe_attend, opacities
from dashboard.figures.style import (
    ELSEWHERE,
    MARKER_OFFSETS,
    VARIANT_STYLES,
    context_axis,
    finish,
    interval_bars,
    seconds_axis,
    whole_powers,
)
from dashboard.settings.variants import LABELS
from gqa_core.records.header import MEASURED_ELSEWHERE

CONTEXTS, SECONDS = (512, 32768), (1e-5, 1.0)  # the axes where there is nothing to draw


def attend_compared(selections: Mapping[str, Sequence[Row]]) -> go.Figure:
    """Attend time by context, one series per layer and kernel of each selection.

    Keys of `selections` are those of style.MARKER_OFFSETS; rows as `data.decode_rows.decode_rows`
    makes them. Bars span the interval of the 5th percentile; markers are shifted off their context,
    and faint for unusable samples.
    """
    figure = FigureBuilder()
    for key, rows in selections.items():
        series: dict[tuple[str, str, str], list[Row]] = {}
        for row in sorted(rows, key=lambda row: (LABELS.index(row_label(row)), _order(row))):
            series.setdefault((row_label(row), _name(row), row.evidence), []).append(row)
        for (label, name, evidence), series_rows in series.items():
            _add_series(figure, key, label, f"{key}: {name}", evidence, series_rows)
    rows = [row for rows in selections.values() for row in rows]
    contexts = [row.context_len for row in rows] or CONTEXTS
    figure.update_xaxes(context_axis(*whole_powers(contexts, 4)))
    times = [time for row in rows for time in (row.attend.p5_low, row.attend.p5_high)] or SECONDS
    figure.update_yaxes(seconds_axis(times, "attend (5th percentile, measured)"))
    return finish(figure, height=440, showlegend=True)


def _add_series(
    figure: FigureBuilder, key: str, label: str, name: str, evidence: str, rows: Sequence[Row]
) -> None:
    style, offset = VARIANT_STYLES[label], MARKER_OFFSETS[key]
    figure.add_scatter(
        x=[row.context_len * offset.shift for row in rows],
        **interval_bars([row.attend.undisturbed for row in rows]),
        name=name,
        mode="markers",
        marker={
            "color": style.color,
            "symbol": style.symbol + (ELSEWHERE if evidence == MEASURED_ELSEWHERE else ""),
            "size": offset.size,
            "line": {"width": 1.5 if evidence == MEASURED_ELSEWHERE else 0},
        }
        | opacities(rows),
        text=[f"{row.context_len:,} tokens, {evidence}: {describe_attend(row)}" for row in rows],
        hovertemplate=f"{name} at %{{text}}<extra></extra>",
    )


def _order(row: Row) -> tuple[int, str, int]:
    return (-(row.n_kv_heads or 0), row.record.kernel_asked, row.context_len)


def _name(row: Row) -> str:
    if row.variant == "MLA":
        return "MLA absorbed" if row_label(row) == "MLA" else row_label(row)
    heads = f" {row.n_kv_heads} K/V" if row.variant == "GQA" else ""
    kernel = "" if row.record.kernel_asked == "auto" else f", {row.record.kernel_asked}"
    return f"{row.variant}{heads}{kernel}"
