"""Option types for amounts of memory and fractions, which are read exactly."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import click

from gqa_core.units import GB, GIB, KIB, MIB, TIB

__all__ = ["ByteSize", "Milliseconds", "Share", "parse_bytes", "parse_share"]

UNITS = {
    "": 1,
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 10**6,
    "GB": GB,
    "TB": 1000 * GB,
    "KiB": KIB,
    "MiB": MIB,
    "GiB": GIB,
    "TiB": TIB,
}
NUMBER = r"([0-9]{1,18})(?:\.([0-9]{1,18}))?"
BYTES = re.compile(rf"{NUMBER} ?([kKMGT]?i?B|)")
SHARE = re.compile(NUMBER)


def parse_bytes(name: str, text: str) -> Fraction:
    """The bytes of a size such as 80GB, 17.39GiB or 1000000.

    Raises:
        ValueError: the text is no such size; `name` is named.
    """
    match = BYTES.fullmatch(text)
    if match is None or match[3] not in UNITS:
        raise ValueError(
            f"{name} must be bytes with or without a unit, such as 80GB or 17.39GiB: "
            f"got {text[:40]!r}"
        )
    return _number(match) * UNITS[match[3]]


def parse_share(name: str, text: str) -> Fraction:
    """The fraction of a text such as 0.9: above 0, and up to 1.

    Raises:
        ValueError: the text is no such number; `name` is named.
    """
    match = SHARE.fullmatch(text)
    share = _number(match) if match else Fraction(0)
    if not 0 < share <= 1:
        raise ValueError(f"{name} must be a number above 0 and up to 1: got {text[:40]!r}")
    return share


class ByteSize(click.ParamType):
    """A size in bytes, as an exact fraction."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The bytes, or ValueError."""
        return parse_bytes((param and param.name) or "value", str(value))


class Share(click.ParamType):
    """A fraction above 0 and up to 1."""

    name = "share"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The fraction, or ValueError."""
        return parse_share((param and param.name) or "value", str(value))


class Milliseconds(click.ParamType):
    """A time in milliseconds above 0, as a float."""

    name = "ms"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The milliseconds, or ValueError."""
        match = SHARE.fullmatch(str(value))
        number = float(_number(match)) if match else 0.0
        if number <= 0:
            name = (param and param.name) or "value"
            raise ValueError(f"{name} must be a number above 0: got {str(value)[:40]!r}")
        return number


def _number(match: re.Match[str]) -> Fraction:
    decimals = match[2] or ""
    return Fraction(int(match[1] + decimals), 10 ** len(decimals))
