"""Tables as data: columns with units over rows, from which grid, text and CSV follow.

A column takes a value in SI units (seconds, bytes, fractions of 1) from a row. Its unit says how
the value is scaled, with which digits it is shown, and what stands in brackets behind the title.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pandas as pd

from gqa_core import units
from gqa_core.names import plain_cell

__all__ = ["MISSING", "Column", "Table", "Unit"]

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Scale and format of a column's values.

    Shown is value x `factor` / `divisor`, with printf `digits` (None: as it is), or `has_commas`
    between its thousands. `symbol` stands in the header. `dtype` is that of the pandas column;
    without one the column is text.
    """

    symbol: str = ""
    factor: float = 1
    divisor: float = 1
    digits: str | None = None
    dtype: str | None = None
    has_commas: bool = False

    @property
    def is_number(self) -> bool:
        """True if a column of this unit is aligned to the right."""
        return self.dtype in ("float64", "Int64")

    def convert(self, value: object) -> object:
        """The value in this unit; None stays None, and a text is one that no spreadsheet runs."""
        if isinstance(value, str):
            return plain_cell(value)
        if not isinstance(value, (int, float)) or self.factor == self.divisor:
            return value
        return value * self.factor / self.divisor

    def text(self, value: object) -> str:
        """A value given in SI units as a cell shows it: "2.410", "-" for None."""
        shown = self.convert(value)
        if shown is None:
            return MISSING
        if self.has_commas:
            return f"{shown:,}"
        return str(shown) if self.digits is None else self.digits % shown


def _number(digits: str, symbol: str = "", *, factor: float = 1, divisor: float = 1) -> Unit:
    return Unit(symbol=symbol, factor=factor, divisor=divisor, digits=digits, dtype="float64")


MISSING = "-"  # the text of a cell without a value

TEXT = Unit()
COUNT = Unit(dtype="Int64")
FLAG = Unit(dtype="boolean")
BYTES = Unit(symbol="B", dtype="Int64", has_commas=True)
TOKENS = Unit(symbol="tokens", dtype="Int64")
TOKENS_TEXT = Unit(symbol="tokens")  # a context that names its row
UTC = Unit(symbol="UTC")

KIB = _number("%.2f", "KiB", divisor=units.KIB)
MIB = _number("%.2f", "MiB", divisor=units.MIB)
GIB = _number("%.3f", "GiB", divisor=units.GIB)
GB = _number("%.3f", "GB", divisor=units.GB)
GB_4_DIGITS = _number("%.4g", "GB", divisor=units.GB)  # of sizes that differ a thousandfold
GB_PER_S = _number("%.1f", "GB/s", divisor=units.GB)
GFLOP_PER_S = _number("%.4g", "GFLOP/s", divisor=1e9)
FLOP_PER_BYTE = _number("%.4g", "FLOP/B")

MS = _number("%.3f", "ms", factor=1e3)
US = _number("%.1f", "us", factor=1e6)
PERCENT = _number("%.0f%%", "%", factor=100)
WHOLE_PERCENT = Unit(symbol="%", digits="%d%%", dtype="Int64")  # of a number that counts percents
PERCENT_3_DIGITS = _number("%.3g%%", "%", factor=100)
ERROR_PERCENT = _number("%.2f%%", "%", factor=100)
NATS = _number("%.3f", "nats")

SPEED = _number("%.2fx")  # a ratio near 1
TIMES = _number("%.4gx")  # a ratio of any size
PLAIN = _number("%.4g")
RATE = _number("%.1f")
SCORE = _number("%.1f")
RAW = Unit(dtype="float64")
DIFFERENCE = _number("%.1e")
TOLERANCE = _number("%.1e")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: its title, the value of a row in SI units, and the unit that it is shown in."""

    title: str
    value: Callable[[Row], object]
    unit: Unit = TEXT

    @property
    def header(self) -> str:
        """The title with the unit: "Attend (ms)"."""
        title = plain_cell(self.title)
        return f"{title} ({self.unit.symbol})" if self.unit.symbol else title


@dataclass(frozen=True)
class Table(Generic[Row]):
    """Columns over rows; cells are computed when they are asked for."""

    columns: Sequence[Column[Row]]
    rows: Sequence[Row]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def headers(self) -> list[str]:
        """The header of each column."""
        return [column.header for column in self.columns]

    def texts(self) -> list[list[str]]:
        """The cells as they are shown, row by row."""
        return [
            [column.unit.text(column.value(row)) for column in self.columns] for row in self.rows
        ]

    def frame(self) -> pd.DataFrame:
        """The values in their units, a column of its unit's dtype each."""
        return pd.DataFrame(
            {
                column.header: pd.Series(
                    [column.unit.convert(column.value(row)) for row in self.rows],
                    dtype=column.unit.dtype,
                )
                for column in self.columns
            }
        )

    def csv(self) -> str:
        """The frame as CSV, without an index."""
        return self.frame().to_csv(index=False)
