"""Objects that live as long as the server's process.

Streamlit's caches are emptied by any visitor's `clear_cache` message, and when a source file
changes, Streamlit drops the app's modules with all their globals and imports them anew. A module
that has no file is dropped by neither.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar, cast

__all__ = ["process_wide"]

MODULE_NAME = "gqa_lab_process"  # of no file, and no part of a package that has one

T = TypeVar("T")


def process_wide(name: str, make: Callable[[], T]) -> T:
    """The process's only object of this name; `make` is called if there is none yet."""
    module = sys.modules.setdefault(MODULE_NAME, ModuleType(MODULE_NAME))
    with module.__dict__.setdefault("lock", threading.RLock()):
        objects = module.__dict__.setdefault("objects", {})
        if name not in objects:
            objects[name] = make()
        return cast(T, objects[name])
