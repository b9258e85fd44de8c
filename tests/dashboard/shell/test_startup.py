"""Start-up: libraries are configured, and loaded modules are frozen once per new module."""

import gc
import sys
from types import ModuleType

import pyarrow as pa
from plotly.io import templates
from streamlit import config

from dashboard.shell.startup import freeze_loaded_modules, prepare_process


def test_objects_are_frozen_only_when_modules_were_loaded(monkeypatch):
    freeze_loaded_modules()
    assert gc.get_freeze_count() > 0
    objects = [[] for _ in range(1000)]
    before = gc.get_freeze_count()
    freeze_loaded_modules()
    assert gc.get_freeze_count() <= before
    monkeypatch.setitem(sys.modules, "a_new_module", ModuleType("a_new_module"))
    freeze_loaded_modules()
    assert gc.get_freeze_count() >= before + len(objects)


def test_plotly_has_no_template_and_arrow_reserves_nothing():
    prepare_process()
    assert templates.default is None
    assert pa.default_memory_pool().backend_name == "system"


def test_streamlit_collects_no_garbage_after_every_script_run():
    assert config.get_option("runner.postScriptGC") is False
