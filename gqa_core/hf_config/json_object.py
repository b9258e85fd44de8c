"""A JSON object from text that nobody vouches for: size, depth and odd values are looked at.

Python's parser takes NaN, takes the last of two equal keys, and gives up on deep nesting with an
error of its own; here each of these is one sentence.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_BYTES = 2**20
MAX_DEPTH = 32


def parse_object(text: str | bytes) -> dict[str, Any]:
    """The object that the text is.

    Raises:
        ValueError: it is too large or too deep, is no JSON object, or a key comes twice.
    """
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise ValueError(f"config must be at most {MAX_BYTES} bytes: got {len(raw)}")
    try:
        found = json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError:
        raise ValueError("config must be UTF-8 text: got other bytes") from None
    except RecursionError:
        raise ValueError(f"config must be at most {MAX_DEPTH} levels deep: got more") from None
    except json.JSONDecodeError as error:
        at = f"line {error.lineno} column {error.colno}"
        raise ValueError(f"config must be JSON: got {error.msg.lower()} at {at}") from None
    if not isinstance(found, dict):
        raise ValueError(f"config must be a JSON object: got {named(found)}")
    if _depth(found) > MAX_DEPTH:
        raise ValueError(f"config must be at most {MAX_DEPTH} levels deep: got {_depth(found)}")
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
        raise ValueError(f"a key must come once in its object: got {twice[:40]!r} twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"a number must be finite: got {name}")


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
