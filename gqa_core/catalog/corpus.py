"""A text that every Python has: the topics of the manual that `help()` shows.

A language model needs text that is on every machine without a download. Every eighth topic by name
is for validation, so that no topic is split between training and validation. The topics differ
between Python releases, so that a loss belongs to one text, identified by its hash. A token is a
byte.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pydoc_data.topics import topics

__all__ = ["Corpus", "python_topics"]

VALIDATION_EVERY = 8  # topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Bytes for training and for validation; `sha256` identifies both."""

    train: bytes
    validation: bytes
    sha256: str


@cache
def python_topics() -> Corpus:
    """The topics of this Python's manual, in the order of their names."""
    names = sorted(topics)
    validation_names = set(names[::VALIDATION_EVERY])
    train, validation = (
        "\n".join(topics[name] for name in names if (name in validation_names) == is_validation)
        for is_validation in (False, True)
    )
    parts = train.encode(), validation.encode()
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
    return Corpus(train=parts[0], validation=parts[1], sha256=digest)
