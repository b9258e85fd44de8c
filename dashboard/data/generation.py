"""Generations and growing caches as series and tables for people; no streamlit.

Attention is the phase `attend`; projections are `project` (norm, q, k, v, RoPE) and `output`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from dashboard.settings.measurement import GenerationSettings
from gqa_core import units
from gqa_core.records.record import Record, peak_bytes, quartiles
from gqa_core.records.specs.generate import MODES, PLAIN_KERNEL
from gqa_core.records.specs.growth import BLOCK_LEN, POLICIES
from gqa_core.theory.fit import EXPECTED_EXPONENTS, PowerFit, fit_power, upper_half

WAY_NAMES = {"cached": "with cache", "recomputed": "without cache"}
PARTS = {"attention": ("attend",), "projections": ("project", "output")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One part of the work, one way: seconds by length, and the powers fitted to them.

    `steps` are (first quartile, median, third quartile) of the step that adds token n; a fit is
    None where fewer than two lengths are in the upper half.
    """

    way: str
    part: str
    lengths: tuple[int, ...]
    steps: tuple[tuple[float, float, float], ...]
    totals: tuple[float, ...]
    step_fit: PowerFit | None
    total_fit: PowerFit | None

    @property
    def name(self) -> str:
        """The part and the way in words: "attention, without cache"."""
        return f"{self.part}, {WAY_NAMES[self.way]}"


def matching(
    records: Iterable[Record], settings: GenerationSettings, device: Mapping[str, Any]
) -> dict[str, Record]:
    """The newest record of each way or policy, measured on this device with what sliders say."""
    lengths = {
        "recomputed": list(settings.context_lens),
        None: [*settings.context_lens, *settings.cached_context_lens],
    }
    found = {
        record.get("way") or record["policy"]: record
        for record in records
        if record["kind"] in ("generate", "growth")
        and record["config"] == asdict(settings.attention)
        and record.get("kernel_asked", PLAIN_KERNEL) == PLAIN_KERNEL
        and record.get("block_len") in (None, BLOCK_LEN)
        and record["workload"]["n_layers"] == settings.n_layers
        and record["workload"]["dtype"] == "float32"
        and record["workload"]["context_lens"] == lengths.get(record.get("way"), lengths[None])
        and all(record["device"][name] == device[name] for name in ("type", "name"))
    }
    return {name: found[name] for name in (*MODES, *POLICIES) if name in found}


def series(records: Mapping[str, Record]) -> list[Series]:
    """The series of these generations, attention first; one a part and way."""
    return [_series(records[way], part) for part in PARTS for way in MODES if way in records]


def total_s(record: Record, context_len: int) -> float:
    """Seconds of all steps until this length, all phases."""
    at = record["workload"]["context_lens"].index(context_len)
    return sum(totals[at] for totals in record["totals_s"].values())


def largest_difference(records: Mapping[str, Record]) -> float:
    """How far the two ways' tokens are apart at most, in numbers whose root mean square is 1."""
    pairs = zip(*(records[way]["outputs"] for way in MODES), strict=False)
    return max(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True))


def exponent_table(found: Sequence[Series]) -> pd.DataFrame:
    """One line a part and way: the exponents fitted, their errors, and the theory's."""
    table = []
    for one in found:
        powers = EXPECTED_EXPONENTS[one.way, one.part]
        table.append(
            {
                "What": one.name,
                "Step exponent, fitted": _exponent(one.step_fit),
                "Step exponent, theory": str(powers.step),
                "Total exponent, fitted": _exponent(one.total_fit),
                "Total exponent, theory": str(powers.total),
                "Fitted from n": one.step_fit.first if one.step_fit else None,
                "Fitted to n": one.step_fit.last if one.step_fit else None,
            }
        )
    return pd.DataFrame(table)


def time_table(found: Sequence[Series]) -> pd.DataFrame:
    """One line a part, way and length: the step with its spread, and all steps until then."""
    return pd.DataFrame(
        {
            "What": one.name,
            "Token n": length,
            "Step (ms)": 1e3 * middle,
            "Step IQR (ms)": 1e3 * (high - low),
            "Total (ms)": 1e3 * total,
        }
        for one in found
        for length, (low, middle, high), total in zip(
            one.lengths, one.steps, one.totals, strict=True
        )
    )


def growth_table(records: Mapping[str, Record]) -> pd.DataFrame:
    """One line a policy: appends at both ends, all of them, the peak, and slots that hold none."""
    table = []
    for policy in POLICIES:
        if policy not in records:
            continue
        record = records[policy]
        appends = [quartiles(samples)[1] for samples in record["samples_s"]["append"]]
        lengths, block = record["workload"]["context_lens"], record["block_len"]
        table.append(
            {
                "Policy": f"{policy}, blocks of {block}" if block else policy,
                f"Append at {lengths[0]} (us)": 1e6 * appends[0],
                f"Append at {lengths[-1]} (us)": 1e6 * appends[-1],
                "All appends (ms)": 1e3 * record["totals_s"]["append"][-1],
                "Cache, formula (MiB)": record["memory"]["formula_bytes"] / units.MIB,
                "Tensors at the end (MiB)": record["memory"]["tensor_bytes"] / units.MIB,
                "Peak (MiB)": peak_bytes(record) / units.MIB,
                "Worst waste (KiB)": record["worst_waste_bytes"] / units.KIB,
            }
        )
    return pd.DataFrame(table)


def _series(record: Record, part: str) -> Series:
    lengths, phases = record["workload"]["context_lens"], PARTS[part]
    steps, totals = [], []
    for at in range(len(lengths)):
        repeats = zip(*(record["samples_s"][phase][at] for phase in phases), strict=True)
        steps.append(quartiles([sum(repeat) for repeat in repeats]))
        totals.append(sum(record["totals_s"][phase][at] for phase in phases))
    return Series(
        way=record["way"],
        part=part,
        lengths=tuple(lengths),
        steps=tuple(steps),
        totals=tuple(totals),
        step_fit=_fit(lengths, [middle for _, middle, _ in steps]),
        total_fit=_fit(lengths, totals),
    )


def _fit(lengths: Sequence[int], values: Sequence[float]) -> PowerFit | None:
    fitted = upper_half(lengths)
    return fit_power(fitted, values[-len(fitted) :]) if len(fitted) > 1 else None


def _exponent(fit: PowerFit | None) -> str:
    return "-" if fit is None else units.exponent(fit.exponent, fit.standard_error)
