"""What the roofline page draws and says: roofs, a table of points, and the answer; no streamlit.

The roof here is made of the median of what the points shown probed, each in its own run; how much
of its bound a point reaches is told by the probes of that run alone. Roofs of published devices are
what their labels promise, for dense bf16 products.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from dashboard.data.decode_rows import Row, device_name, variant_name
from dashboard.settings.measurement import DecodeSettings
from gqa_core import units
from gqa_core.catalog.devices import Device
from gqa_core.configs import ModelConfig, Workload
from gqa_core.theory.cost import arithmetic_intensity
from gqa_core.theory.formats import DTYPE_FORMATS
from gqa_core.theory.roofline import Roof

GIGA = 10**9


def in_format(rows: Iterable[Row], dtype: str) -> list[Row]:
    """The rows in this number format: another one has another ceiling."""
    return [row for row in rows if row["dtype"] == dtype]


def roof_here(rows: Sequence[Row]) -> Roof | None:
    """The roof that these rows probed, by medians; None where there are none.

    Rows of an older log have no matmul rate; where all lack it, the roof has no ceiling.
    """
    if not rows:
        return None
    rates = [row["matmul_flops_per_s"] for row in rows if row["matmul_flops_per_s"] is not None]
    return Roof(
        peak_bytes_per_s=statistics.median(row["read_bandwidth_bytes_per_s"] for row in rows),
        peak_flops_per_s=statistics.median(rates) if rates else None,
    )


def roof_of(device: Device) -> Roof:
    """The roof that a published device's label promises."""
    return Roof(peak_bytes_per_s=device.bandwidth_bytes_per_s, peak_flops_per_s=device.flops_per_s)


def intensities(settings: DecodeSettings) -> dict[str, float]:
    """FLOP per byte of attending, by variant, in the sliders' number format; MLA is absorbed.

    The context and the batch do not matter: both FLOP and bytes grow with them.
    """
    return {
        variant: arithmetic_intensity(
            ModelConfig.uniform(attention, 1),
            Workload(context_len=settings.context_len),
            DTYPE_FORMATS[settings.dtype],
        )
        for variant, attention in settings.variants.items()
    }


def roofline_table(rows: Sequence[Row]) -> pd.DataFrame:
    """One line a point: where it stands, the bound of its own run, and how near it comes."""
    table = []
    for row in rows:
        spread = row["flops_q3_per_s"] - row["flops_q1_per_s"]
        roof = roof_here([row])
        table.append(
            {
                "Variant": variant_name(row),
                "K/V heads": row["n_kv_heads"],
                "Context": row["context_len"],
                "Intensity (FLOP/B)": row["arithmetic_intensity"],
                "Achieved (GFLOP/s)": row["flops_per_s"] / GIGA,
                "IQR (GFLOP/s)": spread / GIGA,
                "Roof there (GFLOP/s)": row["flops"] / row["bound_s"] / GIGA,
                "Of the bound (%)": 100 * row["bound_share"],
                "Bound by": roof.bounded_by(row["arithmetic_intensity"]),
                "Attend (ms)": 1e3 * row["attend_s"],
                "Bound (ms)": 1e3 * row["bound_s"],
                "Floor (ms)": _in_ms(row["attend_overhead_s"]),
                "Read bandwidth (GB/s)": row["read_bandwidth_bytes_per_s"] / units.GB,
                "Matmul (GFLOP/s)": _in_giga(row["matmul_flops_per_s"]),
                "Kernel ran": row["kernel_ran"],
                "Batch": row["batch_size"],
                "Dtype": row["dtype"],
                "Layers": row["n_layers"],
                "Query heads": row["n_heads"],
                "Device": device_name(row),
                "Evidence": row["evidence"],
                "When (UTC)": row["created_at"][:19].replace("T", " "),
            }
        )
    kinds = {"K/V heads": "Int64", "Floor (ms)": "float64", "Matmul (GFLOP/s)": "float64"}
    return pd.DataFrame(table).astype(kinds) if table else pd.DataFrame()


def bounds_sentence(named: Mapping[str, float], roof: Roof, where: str) -> str:
    """What bounds each variant under a roof, and by which intensities that is told."""
    sides: dict[str, list[str]] = {}
    for name, intensity in named.items():
        sides.setdefault(roof.bounded_by(intensity), []).append(name)
    each = ", ".join(f"{side} bounds {_listed(names)}" for side, names in sides.items())
    numbers = _listed([f"{intensity:.3g}" for intensity in named.values()])
    ridge = roof.ridge_point
    turns = "an unknown ridge" if ridge is None else f"a ridge at {ridge:.3g}"
    return f"{where}, {each}: {numbers} FLOP per byte against {turns}."


def median_share(rows: Sequence[Row]) -> float:
    """How much of its bound the middle one of these points reaches."""
    return statistics.median(row["bound_share"] for row in rows)


def reached_sentence(rows: Sequence[Row]) -> str:
    """How near to their bound the points come: the median, the nearest and the furthest."""
    best, worst = (pick(rows, key=lambda row: row["bound_share"]) for pick in (max, min))
    median = units.percent(median_share(rows))
    if len(rows) == 1:
        return f"The one point shown reaches {median} of its bound."
    return (
        f"The {len(rows)} points shown reach {median} of their bound (median), from "
        f"{_point(worst)} to {_point(best)}."
    )


def answer(named: Mapping[str, float], rows: Sequence[Row], gpus: Mapping[str, Roof]) -> str:
    """The page's question in one line: by the points shown, else by the first published roof."""
    if rows:
        here = bounds_sentence(named, roof_here(rows), "On this device")
        return f"{here} {reached_sentence(rows)}"
    if not gpus:
        return "Nothing is measured and no published roof is chosen: there is nothing to tell by."
    name, roof = next(iter(gpus.items()))
    on_paper = bounds_sentence(named, roof, f"By the label of an {name}, in bf16 products")
    return f"{on_paper} How near this device comes to its own roof is not measured yet."


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _point(row: Row) -> str:
    share = units.percent(row["bound_share"])
    return f"{share} ({variant_name(row)} at {row['context_len']} tokens)"


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1e3 * seconds


def _in_giga(rate: float | None) -> float | None:
    return None if rate is None else rate / GIGA
