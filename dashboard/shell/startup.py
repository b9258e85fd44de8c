"""Process-wide settings of the libraries, made once and in one place: Plotly, Arrow, gc."""

from __future__ import annotations

import gc
import sys
from functools import cache, lru_cache

import pyarrow as pa
from plotly.io import templates


def prepare_process() -> None:
    """Configure the libraries once, and freeze the modules that were loaded since the last call."""
    _configure_libraries()
    freeze_loaded_modules()


def freeze_loaded_modules() -> None:
    """Exclude all objects of the loaded modules from garbage collection, once per new module.

    Modules stay loaded, and to scan their objects takes 40 ms, in which no page is served.
    Streamlit would collect after every script run too: `postScriptGC` in `.streamlit/config.toml`
    is off.
    """
    _freeze(len(sys.modules))


@cache
def _configure_libraries() -> None:
    templates.default = None  # see `dashboard.figures.builder.skip_second_draw`
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own reserves 5 MB; tables are small


@lru_cache(maxsize=1)
def _freeze(n_modules: int) -> None:
    gc.collect()
    gc.freeze()
