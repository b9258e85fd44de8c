"""Read the run log for a page: one warning in place of an error page if it cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dashboard.shell import loaders
from dashboard.shell.panels import escape_markdown, show_notice
from gqa_core.records.run_log import RunLogError

T = TypeVar("T")
E = TypeVar("E")


def read_log(load: Callable[[], T], empty: E) -> T | E:
    """The result of `load`, or `empty` if the log cannot be read; a warning names what cannot."""
    try:
        if warning := loaders.log_warning():
            show_notice(escape_markdown(f"{warning}."))
        return load()
    except RunLogError as error:
        show_notice(escape_markdown(f"The {error}."))
        return empty
