"""Prints what is installed beside this Python: a table of packages with version, size and licence.

In the image: docker run --rm gqa-lab /opt/gqa-lab/bin/python /opt/gqa-lab/contents.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from operator import itemgetter

MB = 10**6


def size_bytes(package: Distribution) -> int:
    """The bytes of the files that this package installed and that are still there."""
    paths = (package.locate_file(file) for file in package.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file())


def licence(package: Distribution) -> str:
    """The licence by its expression, else by its classifiers, else the first line of its text."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = metadata.get_all("Classifier") or []
    named = [text.split(" :: ")[-1] for text in classifiers if text.startswith("License ::")]
    text = (metadata.get("License") or "").strip()
    return ", ".join(named) or text.partition("\n")[0][:60] or "not stated"


def table(packages: Iterable[Distribution]) -> str:
    """The packages as a Markdown table, the largest first, with their sum."""
    sizes = sorted(((size_bytes(each), each) for each in packages), key=itemgetter(0), reverse=True)
    rows = [
        f"| {each.name} | {each.version} | {size / MB:.1f} | {licence(each)} |"
        for size, each in sizes
    ]
    total = sum(size for size, _ in sizes) / MB
    head = ["| package | version | MB | licence |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, f"| {len(rows)} packages | | {total:.0f} | |"])


if __name__ == "__main__":
    sys.stdout.write(table(distributions()) + "\n")
