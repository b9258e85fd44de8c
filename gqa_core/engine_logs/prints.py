"""Numbers as an engine prints them: rounded, so that each stands for an interval.

vLLM and SGLang print memory in units of 2^30 bytes with two decimals, whether the line says GiB or
GB; vLLM drops a zero at the end ("5.0 GiB" is 5.00). llama.cpp prints MiB. A bound of a pattern
below is a bound of time: every pattern matches in time linear in the length of a line.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core import units

__all__ = ["COUNT", "NUMBER", "PrintedSize", "printed_count", "printed_size"]

NUMBER = r"(\d{1,12}(?:\.\d{1,9})?)"
COUNT = r"(\d{1,3}(?:,\d{3}){1,5}|\d{1,18})"
LEAST_DECIMALS = 2
UNITS = {"GiB": units.GIB, "GB": units.GIB, "MiB": units.MIB, "MB": units.MIB, "KiB": units.KIB}


@dataclass(frozen=True, slots=True)
class PrintedSize:
    """A printed size: the bytes that the print says, and how far the size may be off, either way.

    Half of the last printed digit is the most that rounding changes.
    """

    n_bytes: float
    rounding_bytes: float

    @property
    def least_bytes(self) -> float:
        """The smallest number of bytes that prints like this."""
        return max(0.0, self.n_bytes - self.rounding_bytes)

    @property
    def most_bytes(self) -> float:
        """The largest number of bytes that prints like this."""
        return self.n_bytes + self.rounding_bytes

    def __add__(self, other: PrintedSize) -> PrintedSize:
        return PrintedSize(self.n_bytes + other.n_bytes, self.rounding_bytes + other.rounding_bytes)


def printed_size(number: str, unit: str = "GiB") -> PrintedSize:
    """The size that a number and a unit of a log stand for; GB is 2^30 there."""
    decimals = max(LEAST_DECIMALS, len(number.partition(".")[2]))
    return PrintedSize(float(number) * UNITS[unit], 0.5 * 10**-decimals * UNITS[unit])


def printed_count(text: str) -> int:
    """The whole number of a print, which may have commas between the thousands."""
    return int(text.replace(",", ""))
