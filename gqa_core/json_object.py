"""A JSON object from text that nobody vouches for: size, depth and odd values are looked at.

Python's parser takes NaN, takes the last of two equal keys, and gives up on deep nesting with an
error of its own; here each of these is one sentence. (Some configs do hold an Infinity.)
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_DEPTH = 32
MAX_DIGITS = 40


def parse_object(raw: bytes, name: str, *, finite: bool = True) -> dict[str, Any]:
    """The JSON object in these bytes; `name` is what a sentence calls it.

    Raises:
        ValueError: it is not UTF-8, not one JSON object or too deep, a key comes twice in an
            object, a whole number is endless, or with `finite` one is NaN or Infinity.
    """
    try:
        found = json.loads(
            raw.decode("utf-8-sig"),
            parse_int=_whole,
            parse_constant=_refuse_constant if finite else float,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError:
        raise ValueError(f"{name} must be UTF-8 text: got other bytes") from None
    except RecursionError:
        raise ValueError(f"{name} must be at most {MAX_DEPTH} levels deep: got more") from None
    except json.JSONDecodeError as error:
        at = f"line {error.lineno} column {error.colno}"
        raise ValueError(f"{name} must be one JSON object: {error.msg}, {at}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{name} must be one JSON object: got {named(found)}")
    if (depth := _depth(found)) > MAX_DEPTH:
        raise ValueError(f"{name} must be at most {MAX_DEPTH} levels deep: got {depth}")
    return found


def named(value: object) -> str:
    """A value as an error shows it: containers by their kind, the rest cut short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    shown = json.dumps(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}..."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"a key must come once in its object: got {named(twice)} twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"whole numbers must have at most {MAX_DIGITS} digits: got {len(digits)}")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"numbers must be finite: got {name}")


def _depth(found: dict[str, Any]) -> int:
    depth, level = 0, [found]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return depth
