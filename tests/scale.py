"""Scale of the tests' numbers: GQA_NIGHTLY=1, as `.ci/nightly` sets it, makes them larger."""

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")

NIGHTLY = os.environ.get("GQA_NIGHTLY") == "1"
FACTOR = 20 if NIGHTLY else 1  # times the examples of a property
repeated = pytest.mark.parametrize("repetition", range(20 if NIGHTLY else 1))  # kills, races


def all_or(few: Sequence[T], all_of_them: Iterable[T]) -> list[T]:
    """All cases in the nightly run, and a few of them in others."""
    return [*(all_of_them if NIGHTLY else few)]
