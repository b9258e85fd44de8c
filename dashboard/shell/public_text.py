"""Texts of errors for visitors: no path of the machine, no address, no traceback.

The host reads the whole of it in the server's own messages. No streamlit in this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["public_messages", "public_text"]

HIDDEN = "..."
MAX_MESSAGE = 400  # characters
URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"]+")
# A path begins behind a space, bracket or quote; its parts may have spaces if more parts follow.
PATH = re.compile(
    r"(?<![^\s('\"\[=,;:])(?:~|[A-Za-z]:)?[/\\](?:[^/\\\n'\":;,]+[/\\])*[^/\\\s'\":;,)\]]+"
)
TRACEBACK = re.compile(r"Traceback \(most recent call last\)|\s")  # its lines are indented


def public_text(text: str) -> str:
    """The text on one line, with every path and address of the machine replaced by "..."."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return PATH.sub(HIDDEN, URL.sub(HIDDEN, plain))


def public_messages(messages: Iterable[str]) -> list[str]:
    """The messages of a child process that are sentences, without the lines of a traceback."""
    return [
        public_text(message[:MAX_MESSAGE]) for message in messages if not TRACEBACK.match(message)
    ]
