"""Published devices: the memory on the vendor's label, each row with its source.

The label is not what a program gets. Vendors count in GB or GiB as they please and keep some for
themselves, so usable memory is up to 7% off: nothing that compares with it may be called exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gqa_core import units
from gqa_core.catalog.rows import FOLDER, numbers, read_catalog
from gqa_core.configs import require_int

COLUMNS = ("name", "memory_label_gb", "source")
MAX_MEMORY_GB = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A published device; its memory is the label's number, taken as decimal GB.

    Raises:
        ValueError: the memory is out of bounds.
    """

    name: str
    memory_label_gb: int
    source: str

    def __post_init__(self) -> None:
        require_int("memory_label_gb", self.memory_label_gb, MAX_MEMORY_GB)

    @property
    def memory_bytes(self) -> int:
        """Bytes the label promises if its GB are decimal; usable are up to 7% fewer or more."""
        return self.memory_label_gb * units.GB


@cache
def devices(path: Path = FOLDER / "devices.csv") -> tuple[Device, ...]:
    """The published devices, in the file's order.

    Raises:
        ValueError: the file breaks a rule; the file and the line are named.
    """
    return read_catalog(path, COLUMNS, _device)


def _device(*, name: str, source: str, **cells: str) -> Device:
    return Device(name=name, source=source, **numbers(cells))
