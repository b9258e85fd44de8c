"""What the roofline page draws and says: roofs, a table of points, and the answer; no streamlit.

The roof here is made of the median of what the points shown probed, each in its own run; how much
of its bound a point reaches is told by the probes of that run alone. Roofs of published devices are
what their labels promise, for dense bf16 products.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from dashboard.data.decode_rows import Row
from dashboard.settings.measurement import DecodeSettings
from gqa_core.catalog.devices import Device
from gqa_core.configs import ModelConfig, Workload
from gqa_core.theory.cost import arithmetic_intensity
from gqa_core.theory.formats import DTYPE_FORMATS
from gqa_core.theory.roofline import Roof


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


def row_roof(row: Row) -> Roof:
    """The roof that one row's own run probed."""
    return Roof(
        peak_bytes_per_s=row["read_bandwidth_bytes_per_s"],
        peak_flops_per_s=row["matmul_flops_per_s"],
    )


def published_roof(device: Device) -> Roof:
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


def median_share(rows: Sequence[Row]) -> float:
    """How much of its bound the middle one of these points reaches."""
    return statistics.median(row["bound_share"] for row in rows)
