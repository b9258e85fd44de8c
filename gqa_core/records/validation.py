"""Rules for single fields of a record, each as one sentence: the field, the rule, what came.

A record may come from another machine. Its numbers are held to bounds that any real measurement
keeps, so that nothing derived from them later overflows or divides by zero.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from gqa_core.names import name_rule

__all__ = [
    "MAX_BYTES",
    "MAX_BYTES_PER_S",
    "MAX_FLOPS_PER_S",
    "MAX_S",
    "MIN_S",
    "quoted",
    "validate_count",
    "validate_equal",
    "validate_number",
    "validate_option",
    "validate_seconds",
    "validate_sha256",
    "validate_text",
    "validate_warnings",
]

MAX_BYTES = 2**53  # the largest whole number that every JSON reader represents exactly
MIN_S, MAX_S = 1e-9, 1e6
MAX_BYTES_PER_S, MAX_FLOPS_PER_S = 1e18, 1e21
MAX_TEXT_LEN = 200
MAX_WARNINGS = 20
MAX_QUOTED = 40  # characters
SHA256 = re.compile(r"[0-9a-f]{64}")


def quoted(value: object) -> str:
    """A value as an error quotes it: ASCII, on one line, at most 40 characters."""
    text = ascii(value)
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}..."


def validate_equal(name: str, value: object, expected: object) -> None:
    """Raise ValueError unless both are equal, also in type."""
    if type(value) is not type(expected) or value != expected:
        raise ValueError(f"{name} must be {quoted(expected)}: got {quoted(value)}")


def validate_option(name: str, value: object, options: Collection[str]) -> None:
    """Raise ValueError unless the value is one of these names."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(options)}: got {quoted(value)}")


def validate_number(name: str, value: float, least: float, most: float) -> None:
    """Raise ValueError unless the number is within these bounds; NaN never is."""
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least:g} and {most:g}: got {quoted(value)}")


def validate_count(name: str, values: Sequence[object], counts: Sequence[int], what: str) -> None:
    """Raise ValueError unless there are as many values as one of the rising `counts`."""
    if len(values) not in counts:
        most = counts[-1] if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
        raise ValueError(f"{name} must be a list of {most} {what}: got {len(values)} values")


def validate_seconds(name: str, values: Sequence[float]) -> None:
    """Raise ValueError unless each value is a time that a step can take."""
    if all(MIN_S <= value <= MAX_S for value in values):
        return
    for value in values:
        validate_number(name, value, MIN_S, MAX_S)


def validate_text(name: str, value: str, max_len: int = MAX_TEXT_LEN) -> None:
    """Raise ValueError unless this is a short printable line that no spreadsheet runs."""
    if not 1 <= len(value) <= max_len:
        raise ValueError(f"{name} must be a text of 1 to {max_len} characters: got {quoted(value)}")
    if rule := name_rule(value):
        raise ValueError(f"{name} must {rule}: got {quoted(value)}")


def validate_warnings(warnings: Sequence[str]) -> None:
    """Raise ValueError unless these are a few short lines."""
    if len(warnings) > MAX_WARNINGS:
        raise ValueError(
            f"warnings must be a list of at most {MAX_WARNINGS} texts: got {len(warnings)}"
        )
    for warning in warnings:
        validate_text("warnings", warning)


def validate_sha256(name: str, value: str | None) -> None:
    """Raise ValueError unless this is a SHA-256 in hexadecimal."""
    if value is None or not SHA256.fullmatch(value):
        raise ValueError(f"{name} must be a SHA-256 in hexadecimal: got {quoted(value)}")
