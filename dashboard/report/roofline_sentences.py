"""The answer of the roofline page: what bounds a step, and how near the points come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.data.decode_rows import Row, variant_name
from dashboard.data.roofline import RooflineData, bound_shares, median_share
from dashboard.report.decode_sentences import listed, machine_name
from gqa_core import units
from gqa_core.theory.roofline import Roof

NO_SHARE = "the samples are unusable or the bound is withheld"


def bounds_sentence(intensities: Mapping[str, float], roof: Roof, where: str) -> str:
    """The limit of each variant under a roof."""
    sides: dict[str, list[str]] = {}
    for name, intensity in intensities.items():
        sides.setdefault(roof.bounded_by(intensity), []).append(name)
    each = ", ".join(f"{side} bounds {listed(names)}" for side, names in sides.items())
    return f"{where}, {each}."


def intensities_sentence(intensities: Mapping[str, float], roof: Roof) -> str:
    """The intensities of the variants beside the ridge point of a roof."""
    numbers = listed([f"{name} {intensity:.3g}" for name, intensity in intensities.items()])
    ridge = roof.ridge_point
    ridge_text = "unknown" if ridge is None else f"at {ridge:.3g}"
    return f"FLOP per byte: {numbers}; the ridge is {ridge_text}."


def median_sentence(rows: Sequence[Row]) -> str:
    """The median share of their bound that the points reach."""
    shares = bound_shares(rows)
    median = median_share(shares)
    if median is None:
        return f"No point shown has a share of its bound: {NO_SHARE}."
    if len(shares) == 1:
        return f"The one point with a bound reaches {units.percent(median)} of it."
    return f"The {len(shares)} points shown reach {units.percent(median)} of their bound (median)."


def share_sentence(rows: Sequence[Row]) -> str:
    """The share of their bound that the points reach: the median, the lowest and the highest."""
    shares = bound_shares(rows)
    n_left_out = len(rows) - len(shares)
    left_out = f" {n_left_out} more {'has' if n_left_out == 1 else 'have'} none: {NO_SHARE}."
    median = median_share(shares)
    if median is None:
        return f"No point shown has a share of its bound: {NO_SHARE}."
    reached = f"{units.percent(median)} of their bound (median), from {_point(*shares[0])}"
    sentence = f"The {len(shares)} points shown reach {reached} to {_point(*shares[-1])}."
    if len(shares) == 1:
        sentence = f"The one point with a bound reaches {units.percent(median)} of it."
    return sentence + left_out * bool(n_left_out)


def answer(data: RooflineData) -> str:
    """The page's answer in one line: by the points shown, else by the first published roof."""
    if data.local_roof:
        machine = machine_name(data.rows[0].record.device) if data.is_sample else "this device"
        bounds = bounds_sentence(data.intensities, data.local_roof, f"On {machine}")
        return f"{bounds} {median_sentence(data.rows)}"
    if not data.published:
        return "Nothing is measured and no published roof is chosen, so there is no answer yet."
    name, roof = next(iter(data.published.items()))
    on_paper = bounds_sentence(
        data.intensities, roof, f"By the label of an {name}, in bf16 products"
    )
    return f"{on_paper} How near this device comes to its own roof is not measured yet."


def details(data: RooflineData) -> str:
    """The numbers behind the answer, for the line below the figure."""
    if data.local_roof is None:
        return ""
    intensities = intensities_sentence(data.intensities, data.local_roof)
    return f"{intensities} {share_sentence(data.rows)}"


def _point(share: float, row: Row) -> str:
    return f"{units.percent(share)} ({variant_name(row)} at {row.context_len} tokens)"
