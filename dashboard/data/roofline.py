"""Roofs and intensities: what the roofline page draws beside the measured points.

The local roof is the best of what the points probed, each in its own run; a point's share of its
bound uses the probes of its own run alone. Roofs of published devices are the numbers on their
labels, for dense bf16 products.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.data.decode_rows import Row
from dashboard.settings.measurement import DecodeSettings
from gqa_core.catalog.devices import Device
from gqa_core.configs import ModelConfig, Workload
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.theory.cost import arithmetic_intensity
from gqa_core.theory.roofline import Roof


@dataclass(frozen=True, slots=True, kw_only=True)
class RooflineData:
    """Measured points, the roof that they probed, published roofs, and intensities by variant."""

    rows: Sequence[Row]
    local_roof: Roof | None
    published: Mapping[str, Roof]
    intensities: Mapping[str, float]
    reference_rows: Sequence[Row] = ()

    @property
    def is_sample(self) -> bool:
        """True if the points and the roof that they probed are those of a sample run."""
        return any(row.evidence == MEASURED_ELSEWHERE for row in self.rows)

    @property
    def drawn_rows(self) -> list[Row]:
        """The points below a bound that holds, with those of another machine."""
        return [row for row in (*self.rows, *self.reference_rows) if row.bound_s is not None]


def roofline_data(
    settings: DecodeSettings,
    gpus: Iterable[Device],
    rows: Sequence[Row],
    reference_rows: Sequence[Row] = (),
) -> RooflineData:
    """The measured points of a page under their roof and those of published GPUs.

    `reference_rows` are points of another machine, drawn beside them.
    """
    return RooflineData(
        rows=rows,
        reference_rows=reference_rows,
        local_roof=local_roof(rows),
        published={gpu.name: published_roof(gpu) for gpu in gpus},
        intensities=intensities(settings),
    )


def in_format(rows: Iterable[Row], dtype: str) -> list[Row]:
    """The rows in this number format; every format has its own ceiling."""
    return [row for row in rows if row.dtype == dtype]


def local_roof(rows: Sequence[Row]) -> Roof | None:
    """The best roof that these rows probed; None without rows."""
    return best_roof(rows) if rows else None


def best_roof(rows: Sequence[Row]) -> Roof:
    """The best rates that at least one row probed."""
    return Roof(
        peak_bytes_per_s=max(row.record.read_bandwidth_bytes_per_s for row in rows),
        peak_flops_per_s=max(row.record.arithmetic_flops_per_s for row in rows),
    )


def row_roof(row: Row) -> Roof:
    """The roof that one row's own run probed."""
    return Roof(
        peak_bytes_per_s=row.record.read_bandwidth_bytes_per_s,
        peak_flops_per_s=row.record.arithmetic_flops_per_s,
    )


def published_roof(device: Device) -> Roof:
    """The roof on a published device's label."""
    return Roof(peak_bytes_per_s=device.bandwidth_bytes_per_s, peak_flops_per_s=device.flops_per_s)


def intensities(settings: DecodeSettings) -> dict[str, float]:
    """FLOP per byte of attending, by variant, in the sliders' number format; MLA is absorbed.

    The context and the batch do not matter: both FLOP and bytes grow with them.
    """
    return {
        variant: arithmetic_intensity(
            ModelConfig.uniform(attention, 1),
            Workload(context_len=settings.context_len),
            settings.kv_format,
        )
        for variant, attention in settings.variants.items()
    }


def bound_shares(rows: Iterable[Row]) -> list[tuple[float, Row]]:
    """The shares of their bound that usable points reach, rising; without withheld bounds."""
    shares = [
        (row.bound_share, row) for row in rows if row.bound_share is not None and row.is_usable
    ]
    return sorted(shares, key=lambda pair: pair[0])


def median_share(shares: Sequence[tuple[float, Row]]) -> float | None:
    """The median of these shares; None if there are none."""
    return statistics.median(share for share, _ in shares) if shares else None
