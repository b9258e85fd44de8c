"""Play, pause and a scrubber below a figure whose frames run in the browser, without a rerun.

Nothing plays by itself, and the first picture is the last frame. No frame glides into the next:
each is drawn at once. Who asks their system for reduced motion gets the scrubber alone, and the
picture moves only as far as it is dragged: `dashboard.shell.stylesheet` hides Play and Pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import FONT, NEUTRAL

CONTROLS = 86  # pixels below the plot that buttons and scrubber take
BUTTONS = 122  # pixels left of the scrubber that Play and Pause take, whatever the width
CLEAR = "rgba(0,0,0,0)"
IMMEDIATE = {"duration": 0}


def add_player(
    figure: FigureBuilder,
    labels: Sequence[str],
    *,
    prefix: str,
    frame_ms: int,
    below: int = 0,
    redraw: bool = False,
) -> None:
    """Add the controls `below` so many pixels of axis; `labels` name the frames, in order.

    Frames of bars and scatter need no `redraw`; those of heat maps do.
    """
    play, still = _timing(frame_ms, redraw), _timing(0, redraw)
    figure.update_layout(
        updatemenus=[
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "pad": {"l": 0, "t": below + 22, "r": 0, "b": 0},
                "bgcolor": CLEAR,
                "bordercolor": NEUTRAL,
                "font": FONT | {"size": 13},
                "buttons": [
                    _button("▶ Play", None, play | {"fromcurrent": True}),
                    _button("❚❚", [None], still),
                ],
            }
        ],
        sliders=[
            {
                "active": len(labels) - 1,
                "x": 0,
                "len": 1,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "pad": {"l": BUTTONS, "t": below, "r": 6, "b": 0},
                "currentvalue": {"prefix": prefix, "xanchor": "left", "font": FONT | {"size": 13}},
                "font": FONT | {"size": 11},
                "bgcolor": NEUTRAL,
                "activebgcolor": NEUTRAL,
                "bordercolor": NEUTRAL,
                "tickcolor": NEUTRAL,
                "ticklen": 4,
                "minorticklen": 0,
                "transition": IMMEDIATE,
                "steps": [
                    _button(label, [str(index)], still) for index, label in enumerate(labels)
                ],
            }
        ],
    )


def _button(label: str, frames: object, timing: dict[str, Any]) -> dict[str, Any]:
    return {"label": label, "method": "animate", "args": [frames, timing]}


def _timing(frame_ms: int, redraw: bool) -> dict[str, Any]:
    """Options of an animation: frames of this length, and none that glides."""
    return {
        "mode": "immediate",
        "frame": {"duration": frame_ms, "redraw": redraw},
        "transition": IMMEDIATE,
    }
