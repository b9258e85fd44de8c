"""Names that come from files and records: what they may hold, and how one is made of any text.

Pages, reports and CSV files show such names. Escaping is done where they are shown; here is
decided what a name is at all. It begins with a letter or digit, so that no spreadsheet takes it
for a formula, whichever sign of Unicode looks or is read like "=", and it has nothing unseen.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean_name", "name_rule", "plain_cell"]

BLANK_LETTERS = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and signs without ink
MAX_MARKS = 2  # accents on one letter; more would be drawn over the lines around
NAME_SIGNS = " ._-+(),:#'"
# What spreadsheets run, and what is normalised or looks like it.
FORMULA_SIGNS = "=+-@\t\r|%" + "\u2010\u2011\u2012\u2013\u2014\u2212\u2795\u2796\ua78a\u30a0"
NUMBER = re.compile(r"[-+\u2212]?\.?\d[\d.,]*(e[-+]?\d+)?[ ]?[%x\w/]*", re.ASCII)


def name_rule(text: str) -> str | None:
    """The rule of names that a text breaks, as in "begin with a letter or digit"; else None."""
    if not text.isprintable() or any(letter in BLANK_LETTERS for letter in text):
        return "have no control characters and none that cannot be seen"
    if _longest_marks(text) > MAX_MARKS:
        return f"have at most {MAX_MARKS} accents on a letter"
    # A spreadsheet of many a country parts cells at semicolons.
    if not all(_begins_plainly(piece) for piece in text.split(";")):
        return "begin with a letter or digit, after a semicolon too"
    return None


def clean_name(text: str, max_len: int) -> str:
    """The text with letters, digits and the signs of names alone, cut to so many characters.

    Empty if it has neither letter nor digit.
    """
    letters: list[str] = []
    for letter in unicodedata.normalize("NFKC", text[: 4 * max_len]):
        is_name = unicodedata.category(letter)[0] in "LNM" and letter not in BLANK_LETTERS
        letters.append(letter if is_name or letter in NAME_SIGNS else " ")
    words = " ".join("".join(letters).split())
    while words and not _begins_plainly(words):
        words = words[1:].lstrip()
    if _longest_marks(words) > MAX_MARKS:
        words = "".join(letter for letter in words if not _is_mark(letter))
    return words[:max_len].rstrip()


def plain_cell(text: str) -> str:
    """The text of a cell as no spreadsheet runs it: a formula gets an apostrophe in front."""
    starts = text[:1] + unicodedata.normalize("NFKC", text.lstrip()[:1])[:1]
    is_formula = any(letter in FORMULA_SIGNS for letter in starts)
    if len(text) > 1 and is_formula and not NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _begins_plainly(text: str) -> bool:
    start = text.lstrip(" ")[:1]
    return bool(start) and unicodedata.category(start)[0] in "LN" and start not in BLANK_LETTERS


def _longest_marks(text: str) -> int:
    longest = length = 0
    for letter in text:
        length = length + 1 if _is_mark(letter) else 0
        longest = max(longest, length)
    return longest


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter)[0] == "M"
