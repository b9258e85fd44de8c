"""A log of a test's own, and pages opened on it without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from gqa_core.measure.run_log import RunLog

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("GQA_RUN_LOG", str(tmp_path / "runs.sqlite"))
    return RunLog()


@pytest.fixture
def opened(log):
    def open_page(name, **query):
        app = AppTest.from_file(str(APP), default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = str(value)
        return app.switch_page(f"pages/{name}.py").run()

    return open_page
