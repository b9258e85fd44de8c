"""A log of a test's own, and a main module that workers can run again without harm."""

import sys
import types

import pytest

from gqa_core.records.run_log import RunLog


@pytest.fixture(autouse=True)
def plain_main(monkeypatch):
    """Page tests leave app.py behind as the main module, which a worker would run again."""
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))


@pytest.fixture
def log(tmp_path):
    return RunLog(tmp_path / "runs.sqlite")
