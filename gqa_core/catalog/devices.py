"""Published devices: memory, bandwidth and arithmetic as the vendor labels them, with sources.

The label is not what a program gets. Vendors count memory in GB or GiB as they please and keep some
for themselves, so it is in mixed units and usable memory up to 7% off: nothing that compares with
it may be called exact. Bandwidth and FLOP per second are peaks that no kernel quite reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gqa_core import units
from gqa_core.catalog.rows import FOLDER, decimal, numbers, read_catalog
from gqa_core.configs import validate_int

COLUMNS = ("name", "memory_label_gb", "bandwidth_gbps", "bf16_tflops", "source")
MAX_MEMORY_GB = 10_000
MAX_BANDWIDTH_GBPS = 100_000
MAX_TFLOPS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A published device; its memory is the label's number, taken as decimal GB.

    `bandwidth_gbps` is in decimal gigabytes (not bits) a second, `bf16_tflops` that of dense matrix
    products with fp32 accumulation; None where no source gives it, or the device has no bf16 units.

    Raises:
        ValueError: a number is out of bounds.
    """

    name: str
    memory_label_gb: int
    bandwidth_gbps: int
    source: str
    bf16_tflops: float | None = None

    def __post_init__(self) -> None:
        validate_int("memory_label_gb", self.memory_label_gb, MAX_MEMORY_GB)
        validate_int("bandwidth_gbps", self.bandwidth_gbps, MAX_BANDWIDTH_GBPS)
        if self.bf16_tflops is not None and not 0 < self.bf16_tflops <= MAX_TFLOPS:
            raise ValueError(
                f"bf16_tflops must be above 0 and at most {MAX_TFLOPS}: got {self.bf16_tflops}"
            )

    @property
    def memory_bytes(self) -> int:
        """Bytes the label promises if its GB are decimal; usable are up to 7% fewer or more."""
        return self.memory_label_gb * units.GB

    @property
    def bandwidth_bytes_per_s(self) -> int:
        """Peak bytes per second between memory and chip."""
        return self.bandwidth_gbps * units.GB

    @property
    def flops_per_s(self) -> float | None:
        """Peak FLOP per second of dense bf16 matrix products; None if unknown."""
        return None if self.bf16_tflops is None else self.bf16_tflops * 1e12


@cache
def devices(path: Path = FOLDER / "devices.csv") -> tuple[Device, ...]:
    """The published devices, in the file's order.

    Raises:
        ValueError: the file breaks a rule; the file and the line are named.
    """
    return read_catalog(path, COLUMNS, _device)


def _device(*, name: str, source: str, bf16_tflops: str = "", **cells: str) -> Device:
    return Device(
        name=name,
        source=source,
        bf16_tflops=decimal("bf16_tflops", bf16_tflops) if bf16_tflops else None,
        **numbers(cells),
    )
