"""Writers that are killed again and again: what one was told is in the log, is there once.

A writer prints a point once `append` has returned. After a kill the next one goes on with the point
that may have been the last, as a person who starts a run again would not: it makes the sharpest
case, a point that is committed and was not told.
"""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gqa_core.records.log.tables import BODIES, RECORDS
from gqa_core.records.run_log import RunLog
from tests.scale import NIGHTLY

ROOT = Path(__file__).parents[2]
N_WRITERS, N_RECORDS, N_KILLS = (8, 500, 40) if NIGHTLY else (4, 15, 3)
WRITER = """
import sys
from gqa_core.records.run_log import RunLog, RunLogError
from tests.records import fake_records as samples
address, run_id, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
log = RunLog(address)
for index in range(first, last):
    try:
        log.append(samples.record(index=index, run_id=run_id))
    except RunLogError as error:
        if "UNIQUE" not in str(error) and "duplicate key" not in str(error):
            raise
    print(index, flush=True)
"""


class Writer:
    """A process that appends the points of one run, started again where it was killed."""

    def __init__(self, address, number):
        self.address, self.run_id = address, f"writer-{number}"
        self.last_point = -1
        self.start()

    def start(self):
        arguments = [str(self.address), self.run_id, str(self.last_point + 1), str(N_RECORDS)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, after_s):
        """Kill the process a while after its next point, and start another; True if it ran."""
        if not (line := self.process.stdout.readline()):
            return False
        self.last_point = int(line)
        time.sleep(after_s)
        self.process.send_signal(signal.SIGKILL)
        self.finish(-signal.SIGKILL)
        self.start()
        return True

    def finish(self, *codes):
        out, err = self.process.communicate(timeout=600)
        assert self.process.returncode in (0, *codes), err
        points = [int(line) for line in out.splitlines(keepends=True) if line.endswith("\n")]
        self.last_point = max([self.last_point, *points])


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def address(request, tmp_path, monkeypatch):
    if request.param == "PostgreSQL":
        return request.getfixturevalue("postgresql_url")
    return tmp_path / "runs.sqlite"


def test_writers_with_kills_lose_and_double_nothing(address):
    chance = random.Random(7)
    writers = [Writer(address, number) for number in range(N_WRITERS)]
    kills = [chance.choice(writers).kill(chance.uniform(0, 0.05)) for _ in range(N_KILLS)]
    for writer in writers:
        writer.finish()
        assert writer.last_point == N_RECORDS - 1
    log = RunLog(address)
    assert log.n_spooled == 0
    rows = log.execute(select(RECORDS.c.run_id, RECORDS.c.point))
    logged = Counter((run_id, point) for run_id, point in rows)
    assert set(logged.values()) == {1}
    assert set(logged) == {
        (writer.run_id, point) for writer in writers for point in range(N_RECORDS)
    }
    assert log.execute(select(func.count()).select_from(BODIES))[0][0] == len(logged)
    assert any(kills)
    print(f"{len(logged)} records by {N_WRITERS} writers, {sum(kills)} kills: each is there once")
