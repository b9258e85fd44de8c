"""Builds a figure as plain dicts, which go to the browser as they are.

Adding traces to a `go.Figure` validates and copies at every call. A slider waits for that, so
validation is left to the tests, where every figure that a page draws passes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go


class FigureBuilder:
    """Traces and layout as Plotly's attributes; methods have the names of go.Figure's."""

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []

    def add_scatter(self, **trace: Any) -> None:
        """Lines, markers, text or an area."""
        self.data.append({"type": "scatter", **trace})

    def add_bar(self, **trace: Any) -> None:
        """Bars."""
        self.data.append({"type": "bar", **trace})

    def add_heatmap(self, **trace: Any) -> None:
        """Coloured cells."""
        self.data.append({"type": "heatmap", **trace})

    def add_frame(self, name: str, traces: Mapping[int, Mapping[str, Any]]) -> None:
        """One picture of an animation: the attributes of traces, by index, that it changes.

        Plotly takes what has no type for a line.
        """
        changed = [
            {"type": self.data[index]["type"], **attributes} for index, attributes in traces.items()
        ]
        self.frames.append({"name": name, "data": changed, "traces": list(traces)})

    def add_annotation(self, **annotation: Any) -> None:
        """A text at a position."""
        self.layout.setdefault("annotations", []).append(annotation)

    def update_xaxes(self, axis: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Set attributes of the x axis; others stay."""
        self.update_layout(xaxis={**(axis or {}), **more})

    def update_yaxes(self, axis: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Set attributes of the y axis; others stay."""
        self.update_layout(yaxis={**(axis or {}), **more})

    def update_layout(self, **attributes: Any) -> None:
        """Set attributes of the layout; nested ones that are not named stay."""
        _merge(self.layout, attributes)

    def default_layout(self, **attributes: Any) -> None:
        """Set attributes of the layout that are not set yet, nested ones too."""
        own, self.layout = self.layout, {}
        self.update_layout(**attributes)
        self.update_layout(**own)

    def figure(self) -> go.Figure:
        """The figure, not validated."""
        return skip_second_draw(_PlainFigure(self))


class _PlainFigure(go.Figure):
    """A figure whose dict is what its builder holds.

    Plotly would copy every list twice, when it makes a figure and when Streamlit reads it: half of
    the server's work for a moved slider.
    """

    def __init__(self, builder: FigureBuilder) -> None:
        self._builder = builder

    def to_dict(self) -> dict[str, Any]:
        """Traces, layout and frames as plain dicts."""
        frames = {"frames": self._builder.frames} if self._builder.frames else {}
        return {"data": self._builder.data, "layout": self._builder.layout, **frames}

    def update_layout(self, **attributes: Any) -> _PlainFigure:
        """Set attributes of the layout; nested ones that are not named stay."""
        self._builder.update_layout(**attributes)
        return self


def skip_second_draw(figure: go.Figure) -> go.Figure:
    """Mark the figure so that a browser draws it once instead of twice, and return it.

    Streamlit hands a chart to Plotly, and a copy of it a moment later. Plotly draws the copy too,
    half of a chart's time, if there is a template, which it cannot compare, or if no revision says
    that the data are the same. The start-up drops Plotly's template. One revision does for all
    data: new data are a new chart to Streamlit.
    """
    return figure.update_layout(datarevision=1)


def _merge(old: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, Mapping):
            if not isinstance(old.get(name), dict):
                old[name] = {}
            _merge(old[name], value)
        else:
            old[name] = value
