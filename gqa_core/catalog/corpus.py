"""The text every Python has: the manual's topics that `help()` shows, split by topic.

A language model needs text that is on every machine without a download. Every eighth topic, by
name, is held out, so that what is held out was never seen in part. The topics differ between
Python releases: a loss belongs to a text, and the text is told by its hash. Bytes are the tokens.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pydoc_data.topics import topics

N_TOKENS = 256  # a token is a byte
HELD_OUT_EVERY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Bytes to train on and bytes held out; `sha256` tells both."""

    train: bytes
    held_out: bytes
    sha256: str


@cache
def python_topics() -> Corpus:
    """The topics of this Python's manual, in the order of their names."""
    names = sorted(topics)
    held = set(names[::HELD_OUT_EVERY])
    parts = {
        is_held: "\n".join(topics[name] for name in names if (name in held) == is_held).encode()
        for is_held in (False, True)
    }
    digest = hashlib.sha256(parts[False] + b"\0" + parts[True]).hexdigest()
    return Corpus(train=parts[False], held_out=parts[True], sha256=digest)
