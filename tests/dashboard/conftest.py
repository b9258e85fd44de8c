"""A log of a test's own, and pages opened on it without a browser."""

from pathlib import Path

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.controls.sidebar import MORE
from dashboard.figures.builder import FigureBuilder
from dashboard.shell.page import START
from dashboard.shell.panels import METHOD
from dashboard.shell.startup import prepare_process
from dashboard.views.guess import GUESS
from gqa_core.records.run_log import RunLog

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(autouse=True)
def checked(monkeypatch):
    """Plotly checks every figure that a test draws: an unknown attribute or value raises."""
    prepare_process()
    unchecked = FigureBuilder.figure
    monkeypatch.setattr(
        FigureBuilder, "figure", lambda sketch: go.Figure(unchecked(sketch).to_plotly_json())
    )


@pytest.fixture(autouse=True)
def sample_folder(tmp_path, monkeypatch):
    """A folder of a test's own for sample runs, empty unless the test writes some."""
    folder = tmp_path / "sample_runs"
    folder.mkdir()
    monkeypatch.setattr("dashboard.shell.loaders.SAMPLE_FOLDER", folder)
    return folder


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("GQA_RUN_LOG", str(tmp_path / "runs.sqlite"))
    return RunLog()


@pytest.fixture
def opened(log):
    def open_page(name, *, unfolded=(MORE, METHOD, GUESS), **query):
        app = AppTest.from_file(str(APP), default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value if isinstance(value, list) else str(value)
        if name != START.name:  # whose address AppTest would derive from its file's name
            app.switch_page(f"pages/{name}.py")
        for key in unfolded:
            app.session_state[key] = True
        return app.run()

    return open_page
