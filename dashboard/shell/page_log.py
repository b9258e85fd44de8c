"""The run log as pages use it: patient for two seconds, and set aside where it cannot be used.

A log that is damaged, something else's or of another version is renamed, whole, and a new one
opens. The reason stands in the new name, so that every page and every restart can say it.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from dashboard.shell.public_text import public_text
from gqa_core import units
from gqa_core.records.log.errors import (
    LogLockedError,
    LogRefusedError,
    LogUnreachableError,
    RecordSpooledError,
)
from gqa_core.records.log.set_aside import REASONS
from gqa_core.records.run_log import RunLog, RunLogError, UnusableLogError

__all__ = ["log_sentence", "page_log", "set_aside_sentence", "use_log"]

BUSY_S = 2.0  # a page waits so long for a log that another process has locked
STILL_BUSY_S = 1.0  # a page that reads it in several places waits once
LOGGER = logging.getLogger(__name__)

_last_wait = {"ended_s": -math.inf}  # of the monotonic clock

T = TypeVar("T")


def page_log() -> RunLog:
    """The server's log, for a page.

    Raises:
        RunLogError: its address is none.
    """
    has_waited = time.monotonic() - _last_wait["ended_s"] < STILL_BUSY_S
    return RunLog(busy_s=0.0 if has_waited else BUSY_S)


def use_log(use: Callable[[RunLog], T], open_log: Callable[[], RunLog] = page_log) -> T:
    """The result of `use`, called again with a new log if this one cannot be used.

    Raises:
        RunLogError: the log cannot be used, nor set aside.
    """
    log = open_log()
    try:
        return use(log)
    except UnusableLogError as error:
        name = log.set_aside()
        LOGGER.warning("%s: set aside as %s beside it", error, name)
        return use(log)
    except RunLogError as error:
        if "locked" in str(error):
            _last_wait["ended_s"] = time.monotonic()
        raise


def log_sentence(error: RunLogError) -> str:
    """A sentence for visitors about a log that cannot be used; the host reads all of it."""
    LOGGER.warning("%s", error)
    if isinstance(error, LogRefusedError):
        return f"The run log lets nobody in{_waiting_records()}."
    is_away = isinstance(error, (LogUnreachableError, RecordSpooledError))
    if is_away and not isinstance(error, LogLockedError):
        return f"The run log does not answer{_waiting_records()}."
    text = str(error)
    with suppress(RunLogError):
        text = text.replace(f"log {page_log().name}", "run log")
    return f"The {public_text(text)}."


def _waiting_records() -> str:
    """A clause about the records that wait here for the log's server; empty if none do."""
    try:
        n_records = page_log().n_spooled
    except (OSError, RunLogError):
        return ""
    if not n_records:
        return ""
    verbs = ("waits", "is") if n_records == 1 else ("wait", "are")
    records = units.count(n_records, "record")
    return f"; {records} {verbs[0]} on the server and {verbs[1]} sent later"


def set_aside_sentence() -> str | None:
    """A sentence about the logs that were set aside and still lie there; None if there are none."""
    names = page_log().set_aside_names
    if not names:
        return None
    newest = names[-1]
    kind = next((kind for kind in REASONS if f".{kind}-" in newest), "damaged")
    more = f", the last of {len(names)}," if len(names) > 1 else ""
    return (
        f"The file of the run log {REASONS[kind]} and was set aside whole as {newest}{more} beside "
        "the new one. Its records are not shown. Moving the file elsewhere ends this notice."
    )
