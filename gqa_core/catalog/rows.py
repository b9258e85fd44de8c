"""Reads catalogue files: CSV with a header, one fact per row, and the source of each.

`source` cites the document that a reader would check first: a vendor's datasheet, whitepaper or
announcement, a model card, a paper. `note` says what that document leaves open: what was not
counted, rounded, or read in a copy.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

__all__ = ["FOLDER", "CatalogEntry", "parse_decimal", "parse_integers", "read_catalog"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """A published thing: a unique name, the document its numbers are from, and a note on them."""

    name: str
    source: str
    note: str = ""

    @property
    def citation(self) -> str:
        """The source, with the note in brackets."""
        return f"{self.source} ({self.note})" if self.note else self.source


class Named(Protocol):
    """Whatever has a name that is unique in its catalogue."""

    @property
    def name(self) -> str:
        """The unique name."""


T = TypeVar("T", bound=Named)


def read_catalog(path: Path, columns: Iterable[str], parse: Callable[..., T]) -> tuple[T, ...]:
    """The entries of a catalogue file in its order, each parsed from the filled cells of a row.

    Raises:
        ValueError: the columns differ from these, a row has no name or source, a name is repeated,
            or `parse` refuses a row; the sentence names the file and the line.
    """
    entries: dict[str, T] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if reader.fieldnames != list(columns):
            raise ValueError(
                f"{path.name}: columns must be {','.join(columns)}: got {reader.fieldnames}"
            )
        n_cells = len(reader.fieldnames)
        for cells in reader:
            place = f"{path.name} line {reader.line_num}"
            if None in cells or None in cells.values():
                raise ValueError(f"{place}: a row must have {n_cells} cells")
            try:
                entry = parse(**{column: cell for column, cell in cells.items() if cell})
            except (TypeError, ValueError) as error:
                raise ValueError(f"{place}: {error}") from None
            if entry.name in entries:
                raise ValueError(f"{place}: name must come once: got {entry.name!r} again")
            entries[entry.name] = entry
    return tuple(entries.values())


def parse_integers(cells: Mapping[str, str]) -> dict[str, int]:
    """The cells as whole numbers.

    Raises:
        ValueError: a cell is not a whole number.
    """
    for column, cell in cells.items():
        if not (cell.isascii() and cell.isdigit()):
            raise ValueError(f"{column} must be a whole number: got {cell!r}")
    return {column: int(cell) for column, cell in cells.items()}


def parse_decimal(column: str, cell: str) -> float:
    """The cell as a number, which may have a decimal point.

    Raises:
        ValueError: the cell is not a number.
    """
    if not (cell.isascii() and cell.replace(".", "", 1).isdigit()):
        raise ValueError(f"{column} must be a number: got {cell!r}")
    return float(cell)
