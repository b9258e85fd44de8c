"""Markers by folder, a log of a test's own, and a main module that workers can run again."""

import atexit
import os
import shutil
import sys
import tempfile
import types
from pathlib import Path

import pytest
from hypothesis import settings

from gqa_core.limits.settings import limits
from gqa_core.records.run_log import RunLog
from gqa_core.runner.machine_lock import ENVIRONMENT
from tests.postgresql_server import binaries, running_server
from tests.scale import FACTOR

BROWSER = Path(__file__).parent / "browser"
DASHBOARD = Path(__file__).parent / "dashboard"

# Tests that measure wait neither for each other nor for whoever measures on this machine.
os.environ[ENVIRONMENT] = tempfile.mkdtemp(prefix="gqa-tests-lock-")
atexit.register(shutil.rmtree, os.environ[ENVIRONMENT], ignore_errors=True)

settings.register_profile("scaled", max_examples=100 * FACTOR, deadline=None)
settings.load_profile("scaled")


def pytest_collection_modifyitems(items):
    """Mark tests of a browser as such; coverage, which doubles their time, leaves pages out."""
    for item in items:
        if BROWSER in item.path.parents:
            item.add_marker(pytest.mark.browser)
        if {BROWSER, DASHBOARD} & set(item.path.parents):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def plain_main(monkeypatch):
    """Page tests leave app.py behind as the main module, which a worker would run again."""
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))


@pytest.fixture
def set_limits(monkeypatch):
    """Sets limits for one test, by the names of their variables without GQA_."""

    def set_values(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"GQA_{name.upper()}", str(value))
        limits.cache_clear()
        return limits()

    limits.cache_clear()
    yield set_values
    limits.cache_clear()


@pytest.fixture
def log(tmp_path):
    return RunLog(tmp_path / "runs.sqlite")


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server of this test process; without one installed, a skip, in CI a failure."""
    if binaries() is None:
        assert os.environ.get("GQA_REQUIRE_POSTGRES") != "1", "no PostgreSQL is installed"
        pytest.skip("no PostgreSQL is installed")
    with running_server() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql, tmp_path, monkeypatch):
    """The URL of an empty database; what waits for it is kept in the test's own folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return postgresql.new_database()
