"""The dialect's words in names and docstrings: `python -m tests.words [PATH ...]` lists them.

A reader should never have to translate a name. A past participle is not a noun (`found` does not
say *what* was found), a pronoun or a preposition is no name, and the first line of a docstring is a
plain sentence in the present tense. `tests/test_words.py` holds the tree to it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("app.py", "benchmarks", "dashboard", "docs", "gqa_core", "pages", "tests")


def word_set(text: str) -> frozenset[str]:
    """The words of a text that lists them between spaces."""
    return frozenset(text.split())


# No name may have one of these among its parts (`_told`, `says`, `ShippedHere`).
PARTS = word_set(
    "told tells said says say speaks speaking aloud heard hear hears mine ours fought held kept "
    "found asks seen taken beside soon look looks looked duel duels politely patiently obituary "
    "quiet turned unsure sooner alike worth rise felt meant"
)

# No name may be one of these alone, nor begin or end with it (`of`, `OF_DECODE`, `mha_at`).
EDGES = frozenset({"of", "at"})

# No name may be one of these alone.
STANDALONE = word_set(
    "how like whole one ones here there alone others past way ways asked "
    "tell keep keeps ask take takes entered beyond"
)

# Names of other libraries, and the field's own words.
ALLOWED = {
    "kernel_asked": "a documented field of records, beside kernel_ran",
    "created_at": "a timestamp, as everywhere",
    "started_at": "a timestamp, as everywhere",
    "measured_at": "a timestamp, as everywhere",
    "imported_at": "a timestamp, as everywhere",
}

# How the first line of a docstring must not begin.
OPENINGS = re.compile(
    r"(Nothing,? if|Nothing where|What |How |Whether |Why |Where |When |Who |Which |The same |"
    r"As many |As much |Of |Hearing |Has? been )"
)
DISTRIBUTIVE = re.compile(r"\b(one|a) \w+ an? (point|layer|token|step|row|line|byte|head)\b")


@dataclass(frozen=True)
class Offence:
    """One name or docstring that needs a plainer word."""

    path: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind}: {self.text}"


def source_files(paths: Sequence[str] = ROOMS) -> list[Path]:
    """The repository's own Python files at or below these paths."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(set(listed.stdout.split()))
    return [ROOT / name for name in names if name.endswith(".py") and (ROOT / name).exists()]


def name_fault(name: str) -> str | None:
    """The word that makes this a bad name, or None."""
    if name in ALLOWED or name.startswith("test_"):  # a test's name is a sentence
        return None
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
    if not words:
        return None
    for word in words:
        if word in PARTS:
            return word
    for word in (words[0], words[-1]):
        if word in EDGES:
            return word
    return words[0] if len(words) == 1 and words[0] in STANDALONE else None


def defined_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each function, class, argument and variable that the module defines."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case ast.ExceptHandler(name=str()) | ast.MatchAs(name=str()):
                yield node.lineno, node.name
            case ast.alias(asname=str()):
                yield node.lineno, node.asname


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring of the module."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield node.body[0].lineno, text


def offences(path: Path) -> list[Offence]:
    """Each name once, and each docstring, that needs a plainer word."""
    tree = ast.parse(path.read_text())
    place = str(path.relative_to(ROOT))
    names: dict[str, int] = {}
    for line, name in defined_names(tree):
        if name_fault(name):
            names.setdefault(name, line)
    result = [
        Offence(place, line, f"name ({name_fault(name)})", name) for name, line in names.items()
    ]
    for line, text in docstrings(tree):
        first = text.splitlines()[0]
        if OPENINGS.match(first):
            result.append(Offence(place, line, "docstring opening", first))
        if match := DISTRIBUTIVE.search(text):
            result.append(Offence(place, line, "say 'per'", match[0]))
    return sorted(result, key=lambda offence: offence.line)


def room_name(path: str) -> str:
    """The folder that owns this file: two levels deep where there are two."""
    return "/".join(Path(path).parts[:-1][:2]) or path


def main(paths: Sequence[str]) -> int:
    """Print every offence and the count per room; the exit code is 1 if there is any."""
    listed = [item for path in source_files(paths or ROOMS) for item in offences(path)]
    for offence in listed:
        print(offence)
    for name, count in sorted(Counter(room_name(offence.path) for offence in listed).items()):
        print(f"{count:5} {name}")
    print(f"{len(listed):5} in all")
    return 1 if listed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
