"""Time of an append against the length of the cache, by policy: measured markers with spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    POLICY_STYLES,
    context_axis,
    finish,
    medians,
    seconds_axis,
    whole_powers,
)
from gqa_core import units
from gqa_core.records.record import quartiles


def append_vs_tokens(records: Mapping[str, Mapping[str, Any]]) -> go.Figure:
    """Median time to append a token, all layers, at each length; records by policy."""
    figure = FigureBuilder()
    lengths, times = [], []
    for policy, record in records.items():
        style = POLICY_STYLES[policy]
        appends = [quartiles(samples) for samples in record["samples_s"]["append"]]
        figure.add_scatter(
            x=list(record["workload"]["context_lens"]),
            **medians(appends),
            name=policy,
            mode="markers",
            cliponaxis=False,
            marker=style.marker(9),
            text=[units.duration(value) for _, value, _ in appends],
            hovertemplate=f"{policy} at %{{x:,}} tokens: %{{text}}<extra></extra>",
        )
        lengths += record["workload"]["context_lens"]
        times += [time for append in appends for time in append]
    axis = context_axis(*whole_powers(lengths or [16, 4096], 4))
    figure.update_xaxes(axis | {"title": {"text": "token n"}})
    figure.update_yaxes(
        seconds_axis(times or [1e-6, 1e-3], "time of an append (median, measured here)")
    )
    return finish(figure, height=380)
