"""Memory of devices as dashed lines, and marks where a variant's cache meets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.data.cache_growth import Crossing
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import CONTEXT_PAD, LINE_END, NEUTRAL, VariantStyle
from gqa_core import units

SECOND_LABEL = 0.47  # of the width: where a label starts that would meet the one below it
LABEL_SHIFT = 1.6  # how far a label stands from its line, as a factor
CLOSE = 2.4  # ceilings less than so many times apart


def add_ceilings(
    figure: FigureBuilder, ceilings: Mapping[str, int], contexts: Sequence[int]
) -> None:
    """Dashed grey lines, one per size, labelled at the left end, where curves are lowest.

    A label is under its line, or over it if the next line below is close; it starts past the middle
    if the label below is close as well.
    """
    if not ceilings:
        return
    low, high = min(contexts) / CONTEXT_PAD, max(contexts) * LINE_END
    devices = _by_size(ceilings)
    figure.add_scatter(
        x=[x for _ in devices for x in (low, high, None)],
        y=[y for n_bytes in devices for y in (n_bytes, n_bytes, None)],
        name="ceilings",
        showlegend=False,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1},
        text=[
            part
            for n_bytes, names in devices.items()
            for part in (*[f"{', '.join(names)}: {units.gigabytes_label(n_bytes)}"] * 2, "")
        ],
        hoverinfo="skip",
    )
    places = _label_places(list(devices))
    figure.add_scatter(
        x=[low * 1.05 * (high / low) ** (SECOND_LABEL * shifted) for _, shifted in places],
        y=[place for place, _ in places],
        name="ceiling labels",
        showlegend=False,
        mode="text",
        text=[ceiling_label(names, n_bytes) for n_bytes, names in devices.items()],
        textposition="middle right",
        hoverinfo="skip",
    )


def add_crossings(
    figure: FigureBuilder, crossings: Sequence[Crossing], styles: Mapping[str, VariantStyle]
) -> None:
    """An open ring where a line meets a device's memory, with the context on hover."""
    if not crossings:
        return
    figure.add_scatter(
        x=[crossing.context_len for crossing in crossings],
        y=[crossing.memory_bytes for crossing in crossings],
        name="meets a device's memory",
        showlegend=False,
        mode="markers",
        marker={
            "symbol": "circle-open",
            "size": 11,
            "color": [styles[crossing.name].color for crossing in crossings],
            "line": {"width": 2},
        },
        text=[
            f"{crossing.name} fills {units.gigabytes_label(crossing.memory_bytes)} "
            f"({', '.join(crossing.devices)}) at {crossing.context_len:,} tokens"
            for crossing in crossings
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def ceiling_label(names: Sequence[str], n_bytes: int) -> str:
    """The first device of a size, how many more there are, and the size: "B card +1, 80 GB"."""
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    return f"{names[0]}{more}, {units.gigabytes_label(n_bytes)}"


def _by_size(ceilings: Mapping[str, int]) -> dict[int, list[str]]:
    """The devices of each size, the smallest first."""
    sizes = sorted({*ceilings.values()})
    return {size: [name for name, other in ceilings.items() if other == size] for size in sizes}


def _label_places(sizes: Sequence[int]) -> list[tuple[float, bool]]:
    """The height of each ceiling's label, and whether it starts past the middle."""
    places, below, shifted = [], 0.0, False
    for index, n_bytes in enumerate(sizes):
        over = index > 0 and n_bytes < CLOSE * sizes[index - 1]
        place = n_bytes * LABEL_SHIFT if over else n_bytes / LABEL_SHIFT
        shifted = place < CLOSE * below and not shifted
        below = place
        places.append((place, shifted))
    return places
