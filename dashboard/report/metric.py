"""One number of the strip below a page's answer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A label, a value with its unit, and a note.

    A variant's metric has the variant's colour, any other the one given, if there is one.
    """

    label: str
    value: str
    note: str = ""
    variant: str | None = None
    color: str | None = None
