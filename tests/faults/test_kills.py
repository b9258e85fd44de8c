"""Kills at random moments lose no record that anybody was told of, and leave nothing behind."""

import pytest

from tests.faults.kills import kill_series
from tests.scale import NIGHTLY


@pytest.mark.alone
def test_kills_of_server_child_and_worker_lose_nothing():
    for counts in kill_series(500 if NIGHTLY else 6, seed=18):
        assert counts.n_kills > 0
        assert counts.n_acknowledged == counts.n_logged > 0
        assert (counts.n_orphans, counts.n_files) == (0, 0), counts
