"""Modules are set apart from garbage collection, once for each time that some came."""

import gc
import sys
from types import ModuleType

from dashboard.shell.garbage import freeze_loaded_modules


def test_objects_are_set_apart_only_when_modules_came(monkeypatch):
    freeze_loaded_modules()
    assert gc.get_freeze_count() > 0
    kept = [[] for _ in range(1000)]
    before = gc.get_freeze_count()
    freeze_loaded_modules()
    assert gc.get_freeze_count() <= before
    monkeypatch.setitem(sys.modules, "a_module_that_came", ModuleType("a_module_that_came"))
    freeze_loaded_modules()
    assert gc.get_freeze_count() >= before + len(kept)
