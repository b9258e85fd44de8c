"""Scale of the tests' numbers: GQA_NIGHTLY=1, as `.ci/nightly` sets it, makes them larger."""

import os

import pytest

NIGHTLY = os.environ.get("GQA_NIGHTLY") == "1"
FACTOR = 20 if NIGHTLY else 1  # times the examples of a property
repeated = pytest.mark.parametrize("repetition", range(20 if NIGHTLY else 1))  # kills, races
