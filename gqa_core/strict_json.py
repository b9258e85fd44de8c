"""Parses one JSON object from untrusted bytes, strictly.

Python's own parser accepts NaN, keeps the last of two equal keys and reports deep nesting as a
RecursionError. Here each of these is one sentence, and the size of what is built is bounded:
depth, number of values and keys, and digits per number. Hugging Face configs do contain Infinity,
so that non-finite numbers can be allowed. Everything runs in time linear in the length of the text.
"""

from __future__ import annotations

import json
from typing import NoReturn

__all__ = ["MAX_DEPTH", "MAX_DIGITS", "MAX_KEYS", "MAX_VALUES", "describe_value", "parse_object"]

MAX_DEPTH = 32
MAX_DIGITS = 40
MAX_KEYS = 10_000  # in all objects together; the largest configs list a few thousand class labels

MAX_VALUES = 2**19  # commas and opening brackets, which bound the values in a text


def parse_object(
    raw: bytes, name: str, *, finite: bool = True, max_keys: int = MAX_KEYS
) -> dict[str, object]:
    """The JSON object in these bytes; errors call the text `name`.

    Raises:
        ValueError: the text is not UTF-8 or not one JSON object; it is too deep or has too many
            values or keys; an object has a key twice; a whole number has too many digits; or, with
            `finite`, a number is NaN or Infinity.
    """
    n_values = sum(raw.count(mark) for mark in (b",", b"{", b"["))
    if n_values > MAX_VALUES:
        raise ValueError(f"{name} must have at most {MAX_VALUES} values: got about {n_values}")
    try:
        parsed = json.loads(
            raw.decode("utf-8-sig"),
            parse_int=_parse_int,
            parse_constant=_refuse_constant if finite else float,
            object_pairs_hook=_ObjectBuilder(name, max_keys),
        )
    except UnicodeDecodeError:
        raise ValueError(f"{name} must be UTF-8 text: got other bytes") from None
    except RecursionError:
        raise ValueError(f"{name} must be at most {MAX_DEPTH} levels deep: got more") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ValueError(f"{name} must be one JSON object: {error.msg}, {place}") from None
    if not isinstance(parsed, dict):
        raise ValueError(f"{name} must be one JSON object: got {describe_value(parsed)}")
    if (depth := _depth(parsed)) > MAX_DEPTH:
        raise ValueError(f"{name} must be at most {MAX_DEPTH} levels deep: got {depth}")
    return parsed


def describe_value(value: object) -> str:
    """A parsed value for an error: containers by kind, everything else as JSON, cut to 40."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


class _ObjectBuilder:
    """Builds each object of a document, and counts the keys of all of them."""

    def __init__(self, name: str, max_keys: int) -> None:
        self._name = name
        self._max_keys = max_keys
        self._n_keys = 0

    def __call__(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        self._n_keys += len(pairs)
        if self._n_keys > self._max_keys:
            raise ValueError(
                f"{self._name} must have at most {self._max_keys} keys in all: "
                f"got {self._n_keys} or more"
            )
        built: dict[str, object] = {}
        for key, value in pairs:
            if key in built:
                raise ValueError(
                    f"a key must come once in its object: got {describe_value(key)} twice"
                )
            built[key] = value
        return built


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"whole numbers must have at most {MAX_DIGITS} digits: got {len(digits)}")
    return int(digits)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"numbers must be finite: got {constant}")


def _containers(outer: dict[str, object] | list[object]) -> list[dict[str, object] | list[object]]:
    """The objects and lists directly in a container; in long lists of numbers there are none."""
    values = outer.values() if isinstance(outer, dict) else outer
    if {dict, list}.isdisjoint(map(type, values)):
        return []
    return [inner for inner in values if isinstance(inner, (dict, list))]


def _depth(parsed: dict[str, object]) -> int:
    """Levels of nested containers, an object without containers being 1."""
    depth = 0
    level: list[dict[str, object] | list[object]] = [parsed]
    while level:
        depth += 1
        level = [inner for outer in level for inner in _containers(outer)]
    return depth
