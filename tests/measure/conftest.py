"""A main module that workers can run again without harm."""

import sys
import types

import pytest


@pytest.fixture(autouse=True)
def plain_main(monkeypatch):
    """Page tests leave app.py behind as the main module, which a worker would run again."""
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
