"""The cache against context: formulas as lines, measured bytes as markers, device memory as bounds.

Nothing measured is scaled: a marker is the cache of as many layers as were really allocated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.figures.style import LOOKS, NEUTRAL, bytes_axis, context_axis, laid_out
from gqa_core import units

COLUMN = 5.0  # ceilings less than twice apart are labelled side by side, this far in context
TWICE = 2.0
BELOW = 1.1  # a label starts as much under its line
MEASURED = {"tensor_bytes": "live tensors", "peak_bytes": "peak"}


def cache_growth(
    curves: Mapping[str, Sequence[int]],
    contexts: Sequence[int],
    at: int,
    measured: Sequence[Mapping[str, Any]] = (),
    ceilings: Mapping[str, int] | None = None,
    highest: int = 0,
) -> go.Figure:
    """Cache bytes over `contexts` on log-log axes, `at` marked by a dotted line.

    `measured` are rows of `dashboard.tables.cache_rows`; `ceilings` bytes by device name. The axis
    holds `highest` in any case, so it stays where it is while ceilings come and go.
    """
    figure = go.Figure()
    ceilings = ceilings or {}
    values = [value for curve in curves.values() for value in curve]
    values += [row[name] for row in measured for name in MEASURED]
    values += [*ceilings.values(), *([highest] if highest else [])]
    figure.update_xaxes(context_axis(min(contexts), max(contexts)))
    figure.update_yaxes(bytes_axis(values) | {"title": {"text": "KV cache"}})
    _add_ceilings(figure, ceilings, contexts)
    for variant, n_bytes in curves.items():
        look = LOOKS[variant]
        figure.add_scatter(
            x=list(contexts),
            y=list(n_bytes),
            name=f"{variant} (formula)",
            mode="lines",
            line={"color": look.color, "dash": look.dash, "width": 2.5},
            text=[units.binary_and_decimal(value) for value in n_bytes],
            hovertemplate=f"{variant} at %{{x:,}} tokens: %{{text}}<extra>formula</extra>",
        )
    low, high = figure.layout.yaxis.range
    figure.add_scatter(
        x=[at, at],
        y=[10**low, 10**high],
        name="context slider",
        showlegend=False,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )
    if measured:
        _add_legend(figure)
    for label in curves:
        for field in MEASURED:
            _add_measured(figure, label, field, [row for row in measured if row["label"] == label])
    return laid_out(figure, height=520)


def _add_measured(
    figure: go.Figure, label: str, field: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """One marker a measured cache; its hover tells how far it is from the line."""
    if not rows:
        return
    figure.add_scatter(
        x=[row["context_len"] for row in rows],
        y=[row[field] for row in rows],
        name=f"{label} ({MEASURED[field]}, measured)",
        showlegend=False,
        mode="markers",
        marker=_marker(field, LOOKS[label].symbol, LOOKS[label].color),
        text=[
            f"{units.capacity(row[field])}, "
            f"{units.error_percent(row[field], row['line_bytes'])} against the formula"
            for row in rows
        ],
        hovertemplate=f"{label} {MEASURED[field]} at %{{x:,}} tokens: %{{text}}"
        "<extra>measured here</extra>",
    )


def _marker(field: str, symbol: str, color: str) -> dict:
    """Live tensors have their variant's symbol, a peak is a cross."""
    if field == "peak_bytes":
        return {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": color}}
    return {"symbol": symbol, "size": 10, "color": color}


def _add_legend(figure: go.Figure) -> None:
    """One grey entry for each kind of measured bytes, whatever the variant."""
    for field, name in MEASURED.items():
        figure.add_scatter(
            x=[None],
            y=[None],
            name=f"{name} (measured here)",
            mode="markers",
            marker=_marker(field, "circle", NEUTRAL),
        )


def _add_ceilings(figure: go.Figure, ceilings: Mapping[str, int], contexts: Sequence[int]) -> None:
    """Dashed grey lines, labelled at the left end; close ones beside each other."""
    placed: list[tuple[float, int]] = []
    low, high = min(contexts) / 1.3, max(contexts) * 1.3
    for name, n_bytes in sorted(ceilings.items(), key=lambda item: -item[1]):
        taken = {column for value, column in placed if value < n_bytes * TWICE}
        column = min(set(range(len(ceilings))) - taken)
        placed.append((n_bytes, column))
        text = f"{name}, {units.gigabytes_label(n_bytes)}"
        figure.add_scatter(
            x=[low, high],
            y=[n_bytes] * 2,
            name=text,
            showlegend=False,
            mode="lines",
            line={"color": NEUTRAL, "dash": "dash", "width": 1},
            hovertemplate=f"{text} on the vendor's label<extra>published</extra>",
        )
        figure.add_scatter(
            x=[low * 1.1 * COLUMN**column],
            y=[n_bytes / BELOW],
            name=f"{text} label",
            showlegend=False,
            mode="text",
            text=[text],
            textposition="bottom right",
            textfont={"size": 11},
            hoverinfo="skip",
        )
