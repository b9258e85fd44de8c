"""Numbers as an engine prints them: rounded, so that each stands for an interval.

vLLM and SGLang print memory in units of 2^30 bytes with two decimals, whether the line says GiB or
GB; vLLM drops a zero at the end ("5.0 GiB" is 5.00). llama.cpp prints MiB.

Logs are untrusted, and no pattern backtracks: repetitions are bounded and possessive, and a line
without the words of a pattern is not searched at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gqa_core import units

__all__ = [
    "COUNT",
    "NUMBER",
    "Pattern",
    "PrintedSize",
    "first_match",
    "pattern",
    "printed_count",
    "printed_size",
]

NUMBER = r"(?<![\d.])(\d{1,12}+(?:\.\d{1,9}+)?+)"
COUNT = r"(?<![\d,])(\d{1,3}(?:,\d{3}){1,5}+|\d{1,18}+)"
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


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression for lines that have these words."""

    words: str
    regex: re.Pattern[str]

    def search(self, text: str) -> re.Match[str] | None:
        """The first match in a line, or None."""
        return self.regex.search(text) if self.words in text else None


def pattern(words: str, regex: str) -> Pattern:
    """A pattern whose matches contain or stand beside `words`."""
    return Pattern(words, re.compile(regex))


def first_match(patterns: tuple[Pattern, ...], text: str) -> re.Match[str] | None:
    """The match of the first pattern that has one, or None."""
    return next((match for entry in patterns if (match := entry.search(text))), None)


def printed_size(number: str, unit: str = "GiB") -> PrintedSize:
    """The size that a number and a unit of a log stand for; GB is 2^30 there."""
    decimals = max(LEAST_DECIMALS, len(number.partition(".")[2]))
    return PrintedSize(float(number) * UNITS[unit], 0.5 * 10**-decimals * UNITS[unit])


def printed_count(text: str) -> int:
    """The whole number of a print, which may have commas between the thousands."""
    return int(text.replace(",", ""))
