"""Published devices: memory, bandwidth and arithmetic as on the vendor's label, with sources.

A label is not what a program gets. Some vendors count memory in GB and some in GiB, and part of it
is reserved: `usable_mib` is what programs print that they see, from 2.3% below to 7.4% above the
label (less where memory is shared with a CPU). It differs between drivers by up to 1.3%. Bandwidth
and FLOP per second are peaks that no kernel quite reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gqa_core import units
from gqa_core.catalog.rows import (
    FOLDER,
    CatalogEntry,
    parse_decimal,
    parse_integers,
    read_catalog,
)
from gqa_core.configs import validate_int

__all__ = ["MAX_MEMORY_GB", "Device", "devices"]

COLUMNS = (
    "name",
    "memory_label_gb",
    "usable_mib",
    "bandwidth_gbps",
    "bf16_tflops",
    "source",
    "usable_source",
    "note",
)
MAX_MEMORY_GB = 10_000
MAX_BANDWIDTH_GBPS = 100_000
MAX_TFLOPS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(CatalogEntry):
    """A published device.

    `memory_label_gb` is taken as decimal GB, `usable_mib` is the memory that an engine sees, None
    if no source gives it, and `bandwidth_gbps` is decimal gigabytes (not bits) per second.
    `bf16_tflops` is the rate of dense matrix products with fp32 accumulation, None if no source
    gives it or the device has no bf16 units.

    Raises:
        ValueError: a number is out of bounds.
    """

    memory_label_gb: int
    bandwidth_gbps: int
    bf16_tflops: float | None = None
    usable_mib: int | None = None
    usable_source: str = ""

    def __post_init__(self) -> None:
        validate_int("memory_label_gb", self.memory_label_gb, MAX_MEMORY_GB)
        validate_int("bandwidth_gbps", self.bandwidth_gbps, MAX_BANDWIDTH_GBPS)
        if self.usable_mib is not None:
            validate_int("usable_mib", self.usable_mib, MAX_MEMORY_GB * 1000)
            if not self.usable_source:
                raise ValueError(f"usable_mib must have a usable_source: got {self.name} without")
        if self.bf16_tflops is not None and not 0 < self.bf16_tflops <= MAX_TFLOPS:
            raise ValueError(
                f"bf16_tflops must be above 0 and at most {MAX_TFLOPS}: got {self.bf16_tflops}"
            )

    @property
    def memory_bytes(self) -> int:
        """Bytes on the label, its GB taken as decimal; `usable_bytes` differ by up to 7%."""
        return self.memory_label_gb * units.GB

    @property
    def usable_bytes(self) -> int:
        """Bytes that an engine sees; those on the label if no source gives them."""
        return self.memory_bytes if self.usable_mib is None else self.usable_mib * units.MIB

    @property
    def bandwidth_bytes_per_s(self) -> int:
        """Peak memory bandwidth in bytes per second."""
        return self.bandwidth_gbps * units.GB

    @property
    def flops_per_s(self) -> float | None:
        """Peak FLOP per second of dense bf16 matrix products; None if unknown."""
        return None if self.bf16_tflops is None else self.bf16_tflops * 1e12


@cache
def devices(path: Path = FOLDER / "devices.csv") -> tuple[Device, ...]:
    """The published devices, in the file's order.

    Raises:
        ValueError: the file breaks a rule; the sentence names the file and the line.
    """
    return read_catalog(path, COLUMNS, _device)


def _device(
    *,
    name: str,
    source: str,
    note: str = "",
    bf16_tflops: str = "",
    usable_source: str = "",
    **cells: str,
) -> Device:
    return Device(
        name=name,
        source=source,
        note=note,
        usable_source=usable_source,
        bf16_tflops=parse_decimal("bf16_tflops", bf16_tflops) if bf16_tflops else None,
        **parse_integers(cells),
    )
