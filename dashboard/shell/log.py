"""Read the run log for a page: one warning in place of an error page if it cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dashboard.shell import logged
from dashboard.shell.logged import Read
from dashboard.shell.page_content import content
from dashboard.shell.page_log import log_sentence, set_aside_sentence
from dashboard.shell.panels import escape_markdown, show_notice
from gqa_core.records.log.errors import RunLogError, unreadable_sentence

T = TypeVar("T")
E = TypeVar("E")


def read_log(load: Callable[[], Read[T]], empty: E) -> T | E:
    """The value that `load` reads, or `empty` if the log cannot be read; a warning says what."""
    try:
        loaded = load()
        if warning := unreadable_sentence(logged.n_unreadable() + loaded.n_unreadable):
            _show_once(f"{warning}.")
        if sentence := set_aside_sentence():
            _show_once(sentence)
        return loaded.value
    except RunLogError as error:
        _show_once(log_sentence(error))
        return empty


def _show_once(sentence: str) -> None:
    """Draw the warning, unless this page has it already."""
    if escape_markdown(sentence) not in content().notices:
        show_notice(escape_markdown(sentence))
