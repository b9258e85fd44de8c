"""The answer of the roofline page: what bounds a step, and how near the points come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.data.decode_rows import Row, variant_name
from dashboard.data.roofline import RooflineData, median_share
from gqa_core import units
from gqa_core.theory.roofline import Roof


def bounds_sentence(intensities: Mapping[str, float], roof: Roof, where: str) -> str:
    """The limit of each variant under a roof, with their intensities and the ridge point."""
    sides: dict[str, list[str]] = {}
    for name, intensity in intensities.items():
        sides.setdefault(roof.bounded_by(intensity), []).append(name)
    each = ", ".join(f"{side} bounds {_listed(names)}" for side, names in sides.items())
    numbers = _listed([f"{intensity:.3g}" for intensity in intensities.values()])
    ridge = roof.ridge_point
    ridge_text = "an unknown ridge" if ridge is None else f"a ridge at {ridge:.3g}"
    return f"{where}, {each}: {numbers} FLOP per byte against {ridge_text}."


def share_sentence(rows: Sequence[Row]) -> str:
    """The share of their bound that the points reach: the median, the lowest and the highest."""
    shares = sorted(
        (share, index) for index, row in enumerate(rows) if (share := row.bound_share) is not None
    )
    median = median_share(rows)
    if median is None:
        return "Every point shown took less than its bound, which is withheld."
    n_withheld = len(rows) - len(shares)
    withheld = f" {n_withheld} more took less than their bound, which is withheld." * bool(
        n_withheld
    )
    if len(shares) == 1:
        return f"The one point with a bound reaches {units.percent(median)} of it.{withheld}"
    (worst_share, worst), (best_share, best) = shares[0], shares[-1]
    return (
        f"The {len(shares)} points shown reach {units.percent(median)} of their bound (median), "
        f"from {_point(rows[worst], worst_share)} to {_point(rows[best], best_share)}.{withheld}"
    )


def answer(data: RooflineData) -> str:
    """The page's answer in one line: by the points shown, else by the first published roof."""
    if data.local_roof:
        bounds = bounds_sentence(data.intensities, data.local_roof, "On this device")
        return f"{bounds} {share_sentence(data.rows)}"
    if not data.published:
        return "Nothing is measured and no published roof is chosen, so there is no answer yet."
    name, roof = next(iter(data.published.items()))
    on_paper = bounds_sentence(
        data.intensities, roof, f"By the label of an {name}, in bf16 products"
    )
    return f"{on_paper} How near this device comes to its own roof is not measured yet."


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _point(row: Row, share: float) -> str:
    return f"{units.percent(share)} ({variant_name(row)} at {row.context_len} tokens)"
