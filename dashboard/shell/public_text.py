"""Texts of errors for visitors: no path of the machine, no address, no traceback.

The host reads the whole of it in the server's own messages. No streamlit in this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["public_messages", "public_text"]

HIDDEN = "..."
DRIVER = (  # the beginnings of what psycopg and libpq say of a server that cannot be reached
    r"(?:connection (?:failed|is bad): )*"
    r"(?:connection to server|Multiple connection attempts|failed to resolve host"
    r"|could not translate host|could not connect to server|server closed the connection"
    r"|connection timeout expired)[^;]*?(?=;|\.?$)"
)
UNREACHABLE = re.compile(
    rf"\blog \S+ cannot be (?:read|written): {DRIVER}"
    r"(?P<waits>; [^;]*? kept in [^;]*? and sent once the log can be written)?"
)
DRIVER_ALONE = re.compile(DRIVER)
REFUSED = re.compile(r"authentication failed|pg_hba|does not exist")
ADDRESS = re.compile(
    r"""\bhost(?:addr| name)?:? (?P<quote>["'])[^"']*(?P=quote)(?: \([^)]*\))?"""
    r"""|\(["'][^"']*["'], \d{1,5}\)"""  # as Python prints a host and a port
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\[?(?<![\w:])(?:(?:[\da-f]{1,4}:){7}[\da-f]{1,4}"
    r"|(?:[\da-f]{1,4}(?::[\da-f]{1,4})*)?::(?:[\da-f]{1,4}(?::[\da-f]{1,4})*)?)"
    r"(?:%\w+)?(?![\w:])(?:\]:\d+)?"
    r"|\b[a-z][\w-]*(?:\.[\w-]+)*:\d{4,5}\b|\blocalhost\b|\bport:? \d+",
    re.IGNORECASE,
)
MAX_MESSAGE = 400  # characters
URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"]+")
# A path begins behind a space, bracket or quote; its parts may have spaces if more parts follow.
PATH = re.compile(
    r"(?<![^\s('\"\[=,;:])(?:~|[A-Za-z]:)?[/\\](?:[^/\\\n'\":;,]+[/\\])*[^/\\\s'\":;,)\]]+"
)
QUESTION_INSIDE = re.compile(r"\s*\?(?=[;.,])")  # a driver's hint that no longer ends a sentence
TRACEBACK = re.compile(r"Traceback \(most recent call last\)|\s")  # its lines are indented


def public_text(text: str) -> str:
    """The text on one line, with every path and address of the machine replaced by "...".

    A run log that does not answer is said in one clause, without what its driver said.
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = UNREACHABLE.sub(_log_clause, plain)
    plain = DRIVER_ALONE.sub(lambda match: f"its server {_answer(match[0])}", plain)
    hidden = ADDRESS.sub(HIDDEN, PATH.sub(HIDDEN, URL.sub(HIDDEN, plain)))
    return QUESTION_INSIDE.sub("", hidden)


def _log_clause(match: re.Match[str]) -> str:
    """The clause for a log whose server cannot be reached."""
    waiting = "; records wait on this server and are sent later" if match["waits"] else ""
    return f"the run log {_answer(match[0])}{waiting}"


def _answer(text: str) -> str:
    """The behaviour of a server of which a driver says this."""
    return "lets nobody in" if REFUSED.search(text) else "does not answer"


def public_messages(messages: Iterable[str]) -> list[str]:
    """The messages of a child process that are sentences, without the lines of a traceback."""
    return [
        public_text(message[:MAX_MESSAGE]) for message in messages if not TRACEBACK.match(message)
    ]
