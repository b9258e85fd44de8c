"""Modules are set apart from garbage collection, once for each time that some came."""

import gc
import sys
from types import ModuleType

from dashboard.frame.collection import set_apart_what_is_loaded


def test_objects_are_set_apart_only_when_modules_came(monkeypatch):
    set_apart_what_is_loaded()
    assert gc.get_freeze_count() > 0
    kept = [[] for _ in range(1000)]
    before = gc.get_freeze_count()
    set_apart_what_is_loaded()
    assert gc.get_freeze_count() <= before
    monkeypatch.setitem(sys.modules, "a_module_that_came", ModuleType("a_module_that_came"))
    set_apart_what_is_loaded()
    assert gc.get_freeze_count() >= before + len(kept)
