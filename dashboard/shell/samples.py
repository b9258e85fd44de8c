"""Warn on a page that shows sample runs if some of their files cannot be read."""

from __future__ import annotations

from dashboard.report.markup import full_sentence
from dashboard.shell import loaders
from dashboard.shell.panels import escape_markdown, show_notice

__all__ = ["show_sample_warnings"]


def show_sample_warnings() -> None:
    """Draw one warning per file of sample runs that cannot be read; nothing if all can."""
    for sentence in loaders.sample_warnings():
        show_notice(escape_markdown(full_sentence(sentence)))
