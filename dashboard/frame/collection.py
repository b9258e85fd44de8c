"""What a script run waits for at its end: Streamlit then collects garbage, in all that is loaded.

It looks at every object of every module each time, 40 ms during which the last charts of a page do
not leave the server. Modules stay, so they need not be looked at: they are set apart as they come.
"""

from __future__ import annotations

import gc
import sys

_apart = {"modules": 0}  # how many were loaded when all objects were last set apart


def set_apart_what_is_loaded() -> None:
    """Collect once more, then leave out what there is: only if modules came since the last time."""
    if _apart["modules"] != len(sys.modules):
        _apart["modules"] = len(sys.modules)
        gc.collect()
        gc.freeze()
