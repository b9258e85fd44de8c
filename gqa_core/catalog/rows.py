"""Reading a catalogue file: CSV with a header, a row a fact, and the source of each row."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

FOLDER = Path(__file__).parent


class Named(Protocol):
    """What a catalogue holds: things with a name that no other one has."""

    name: str


T = TypeVar("T", bound=Named)


def read_catalog(path: Path, columns: Iterable[str], parse: Callable[..., T]) -> tuple[T, ...]:
    """The rows of a catalogue file in its order, each as `parse` makes it from its filled cells.

    Raises:
        ValueError: other columns than these, a row without its name or source, a name that comes
            twice, or what `parse` refuses; the sentence names the file and the line.
    """
    found: dict[str, T] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if reader.fieldnames != list(columns):
            raise ValueError(
                f"{path.name}: columns must be {','.join(columns)}: got {reader.fieldnames}"
            )
        for cells in reader:
            where = f"{path.name} line {reader.line_num}"
            if None in cells or None in cells.values():
                raise ValueError(f"{where}: a row must have {len(reader.fieldnames)} cells")
            try:
                thing = parse(**{key: value for key, value in cells.items() if value})
            except (TypeError, ValueError) as error:
                raise ValueError(f"{where}: {error}") from None
            if thing.name in found:
                raise ValueError(f"{where}: name must come once: got {thing.name!r} again")
            found[thing.name] = thing
    return tuple(found.values())


def numbers(cells: Mapping[str, str]) -> dict[str, int]:
    """The cells as whole numbers.

    Raises:
        ValueError: one is not.
    """
    for name, text in cells.items():
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{name} must be a whole number: got {text!r}")
    return {name: int(text) for name, text in cells.items()}


def decimal(name: str, text: str) -> float:
    """The cell as a number that may have a decimal point.

    Raises:
        ValueError: it is not.
    """
    if not (text.isascii() and text.replace(".", "", 1).isdigit()):
        raise ValueError(f"{name} must be a number: got {text!r}")
    return float(text)
