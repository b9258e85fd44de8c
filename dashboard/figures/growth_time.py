"""Time of an append against the length of the cache, by policy: measured markers with spread."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.data.generation import appends
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.style import (
    ELSEWHERE,
    POLICY_STYLES,
    context_axis,
    interval_bars,
    seconds_axis,
    whole_powers,
)
from gqa_core import units
from gqa_core.records.header import MEASURED_HERE, Evidence
from gqa_core.records.kinds import GrowthRecord
from gqa_core.records.specs.growth import Policy


def append_vs_tokens(
    records: Mapping[Policy, GrowthRecord], evidence: Evidence = MEASURED_HERE
) -> go.Figure:
    """Median time to append a token, all layers, at each length; records by policy."""
    figure = FigureBuilder()
    suffix = "" if evidence == MEASURED_HERE else ELSEWHERE
    labels: list[EndLabel] = []
    lengths: list[int] = []
    times: list[float] = []
    for policy, record in records.items():
        style = POLICY_STYLES[policy]
        seconds = appends(record)
        figure.add_scatter(
            x=list(record.workload.context_lens),
            **interval_bars(seconds),
            name=policy,
            mode="markers",
            cliponaxis=False,
            marker=style.marker(9) | {"symbol": style.symbol + suffix},
            text=[units.duration(append.median) for append in seconds],
            hovertemplate=f"{policy}: %{{text}}<extra></extra>",
        )
        labels.append(EndLabel(policy, style.color, style.symbol, seconds[-1].median))
        lengths += record.workload.context_lens
        times += [time for append in seconds for time in (append.q1, append.q3)]
    axis = context_axis(*whole_powers(lengths or [16, 4096], 4))
    figure.update_xaxes(axis | {"title": {"text": "token n"}})
    figure.update_yaxes(seconds_axis(times or [1e-6, 1e-3], "time of an append (median)"))
    return finish_labelled(figure, labels, height=340)
