"""Tries hostile inputs and counts, by kind: inputs, tracebacks, paths, unruly sentences."""

import os
import random
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

from tests.hostile.kinds import KINDS, Kind

ROOT = Path(__file__).parents[2]
PATHS = {str(ROOT), gettempdir(), os.path.expanduser("~"), sys.prefix, "site-packages", ".py:"}
MAX_SENTENCE = 500


@dataclass(slots=True)
class Counts:
    """Counts of the inputs of one kind, and the first faults."""

    title: str
    n_inputs: int = 0
    n_refused: int = 0
    n_tracebacks: int = 0
    n_paths: int = 0
    n_unruly: int = 0  # sentences of several lines, unprintable or too long
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def n_faults(self) -> int:
        """Everything that should be 0."""
        return self.n_tracebacks + self.n_paths + self.n_unruly

    def note(self, texts: Iterable[str]) -> None:
        """Count what is shown of one input."""
        for text in texts:
            self.n_refused += 1
            if any(path in text for path in PATHS):
                self._fault("n_paths", text)
            if not text.isprintable() or len(text) > MAX_SENTENCE:
                self._fault("n_unruly", text)

    def note_traceback(self) -> None:
        """Count the exception that is handled now."""
        self._fault("n_tracebacks", traceback.format_exc())

    def _fault(self, sort: str, text: str) -> None:
        setattr(self, sort, getattr(self, sort) + 1)
        if len(self.faults) < 3:
            self.faults.append(ascii(text[-1500:]))


def try_kinds(share: float, seed: int) -> Iterator[Counts]:
    """The counts of each kind, of this share of a whole run's inputs."""
    for kind in KINDS:
        yield try_kind(kind, max(int(kind.n_inputs * share), 5), seed)


def try_kind(kind: Kind, n_inputs: int, seed: int) -> Counts:
    """The counts of so many inputs of a kind."""
    generator = random.Random(f"{seed} {kind.title}")
    counts, start = Counts(kind.title), time.process_time()
    for _ in range(n_inputs):
        counts.n_inputs += 1
        try:
            counts.note(kind.use(generator))
        except Exception:  # noqa: BLE001 - any is a traceback
            counts.note_traceback()
    counts.seconds = time.process_time() - start
    return counts


def lines(all_counts: Iterable[Counts]) -> Iterator[str]:
    """The table as text, line by line, and the faults."""
    numbers = f"{'inputs':>9}{'sentences':>11}{'tracebacks':>12}{'paths':>7}{'unruly':>8}"
    yield f"{'kind':22}{numbers}{'CPU s':>8}"
    total = 0
    for counts in all_counts:
        total += counts.n_inputs
        yield (
            f"{counts.title:22}{counts.n_inputs:>9,}{counts.n_refused:>11,}{counts.n_tracebacks:>12}"
            f"{counts.n_paths:>7}{counts.n_unruly:>8}{counts.seconds:>8.1f}"
        )
        yield from counts.faults
    yield f"{'all':22}{total:>9,}"
