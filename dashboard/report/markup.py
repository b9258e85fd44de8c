"""Texts of the pages, which are Markdown, as HTML; and plain text as Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import groupby

JOINER = "\u2060"  # a word joiner, which has no width
AUTOLINK = re.compile(r"(?<=www)(?=\.)|(?<=:)(?=//)|(?<=[\w.+-])(?=@)", re.IGNORECASE)
TOKEN = re.compile(
    r"\\(?P<literal>[^\w\s])|(?P<strong>\*\*)|\*(?P<em>[^\s*][^*]*)\*|`(?P<code>[^`]*)`"
    r"|(?P<text>[^\\*`]+|.)"
)


def full_sentence(clause: str) -> str:
    """The text of an error or a note with a capital letter and a full stop."""
    return f"{clause[0].upper()}{clause[1:]}."


def markdown_as_html(sentence: str) -> str:
    """A sentence with bold text, emphasis and code as HTML; all else in it stays text."""
    pieces: list[str] = []
    is_strong = False
    for match in TOKEN.finditer(sentence.replace(JOINER, "")):  # HTML links nothing by itself
        kind = match.lastgroup or "text"
        if kind == "strong":
            pieces.append("</strong>" if is_strong else "<strong>")
            is_strong = not is_strong
        elif kind == "code":
            pieces.append(f"<code>{html.escape(match['code'])}</code>")
        elif kind == "em":
            pieces.append(f"<em>{html.escape(match['em'])}</em>")
        else:
            pieces.append(html.escape(match[kind]))
    return "".join(pieces) + "</strong>" * is_strong


def blocks_as_html(text: str) -> str:
    """Paragraphs and lists of Markdown as HTML; a list's lines begin with - or *."""
    return "\n".join(_block_as_html(block.splitlines()) for block in re.split(r"\n\s*\n", text))


def _block_as_html(lines: Sequence[str]) -> str:
    pieces: list[str] = []
    for is_list, group in groupby(lines, key=lambda line: line.startswith(("- ", "* "))):
        texts = list(group)
        if is_list:
            items = (f"<li>{markdown_as_html(text[2:])}</li>" for text in texts)
            pieces.append(f"<ul>{''.join(items)}</ul>")
        else:
            pieces.append(f"<p>{markdown_as_html(' '.join(texts))}</p>")
    return "".join(pieces)


def without_click_hints(caption: str) -> str:
    """A caption without the sentences that begin with "Click": nothing follows one in a file."""
    return re.sub(r"(?<![^\s])Click [^.]*\.\s*", "", caption).strip()


def without_needless_escapes(sentence: str) -> str:
    """Markdown without the escapes that it does not need, for readers of its source."""
    return re.sub(r"\\([^\w\s\\`*_{}\[\]<>|#~&$+-])", r"\1", sentence)


def escape_cell(text: str) -> str:
    """Text for a cell of a Markdown table: it shows every character literally, and links none."""
    escaped = re.sub(r"([\\`*_{}\[\]<>|#~&$])", r"\\\1", without_autolinks(text))
    return escaped.replace("\n", " ")


def without_autolinks(text: str) -> str:
    """Text in which Markdown finds no bare address of a page or of mail to make a link of.

    Neither a backslash nor an entity stops it, so a character of no width parts "www" and its
    point, "http:" and its slashes, and a name and its "@".
    """
    return AUTOLINK.sub(JOINER, text)
