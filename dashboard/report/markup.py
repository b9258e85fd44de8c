"""Sentences of the pages, which are Markdown, as HTML and as plain text."""

from __future__ import annotations

import html
import re

TOKEN = re.compile(
    r"\\(?P<literal>[^\w\s])|(?P<strong>\*\*)|`(?P<code>[^`]*)`|(?P<text>[^\\*`]+|.)"
)


def markdown_as_html(sentence: str) -> str:
    """A sentence with bold text and code as HTML; whatever else is in it stays text."""
    pieces: list[str] = []
    is_strong = False
    for match in TOKEN.finditer(sentence):
        kind = match.lastgroup or "text"
        if kind == "strong":
            pieces.append("</strong>" if is_strong else "<strong>")
            is_strong = not is_strong
        elif kind == "code":
            pieces.append(f"<code>{html.escape(match['code'])}</code>")
        else:
            pieces.append(html.escape(match[kind]))
    return "".join(pieces) + "</strong>" * is_strong


def markdown_as_text(sentence: str) -> str:
    """A sentence without the marks of bold text, code and escapes."""
    return "".join(
        "" if match["strong"] else match["literal"] or match["code"] or match["text"] or ""
        for match in TOKEN.finditer(sentence)
    )


def escape_cell(text: str) -> str:
    """Text for a cell of a Markdown table: it shows every character literally."""
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", text).replace("\n", " ")
