"""What a script run waits for at its end: Streamlit then collects garbage, in all that is loaded.

It looks at every object of every module each time, 40 ms during which the last charts of a page do
not leave the server. Modules stay, so they need not be looked at: they are set apart as they come.
"""

from __future__ import annotations

import gc
import sys
from functools import lru_cache


def freeze_loaded_modules() -> None:
    """Collect once more, then leave out what there is: only if modules came since the last time."""
    _set_apart(len(sys.modules))


@lru_cache(maxsize=1)
def _set_apart(n_modules: int) -> None:
    gc.collect()
    gc.freeze()
