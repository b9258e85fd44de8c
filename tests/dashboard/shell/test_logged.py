"""Reads of the log by a page: all of one run are of one version, and the next run sees more."""

import pytest

from gqa_core.records.run_log import RunLog
from tests.records.fake_records import record


@pytest.fixture
def versions(monkeypatch):
    """The versions that were read, in order."""
    read, version = [], RunLog.version

    def note(log):
        read.append(version(log))
        return read[-1]

    monkeypatch.setattr(RunLog, "version", note)
    return read


@pytest.mark.parametrize("page", ["kv_cache", "decode", "runs"])
def test_a_run_of_a_page_asks_for_the_log_s_version_once(page, opened, log, versions):
    app = opened(page)
    assert len(versions) == 1
    log.append(record())
    app.run()
    assert len(versions) == 2
    assert versions[0] != versions[1]
