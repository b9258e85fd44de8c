"""The run log under several writers, a kill, foreign files, full and read-only disks."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE
from gqa_core.records.kinds import encode_record
from gqa_core.records.log import sqlite
from gqa_core.records.log.sqlite import APPLICATION_ID
from gqa_core.records.run_log import LOG_VERSION, LoggedRecord, RunLog, RunLogError
from tests.records import fake_records as samples

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from gqa_core.records.run_log import RunLog
from tests.records import fake_records as samples
log = RunLog(sys.argv[1])
for index in range(int(sys.argv[3])):
    log.append(samples.record(index=index, run_id=sys.argv[2]))
    print(index, flush=True)
"""


def start_writer(path, name, count):
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def log(tmp_path):
    return RunLog(tmp_path / "deep" / "runs.sqlite")


def test_what_was_appended_comes_back_in_order_with_its_raw_samples(log):
    assert log.records() == []
    versions = [log.version()]
    records = [samples.record(index=index) for index in range(3)]
    for record in records:
        log.append(record)
        versions.append(log.version())
    assert log.records() == records
    assert log.records("decode") == records
    assert log.records("quality") == []
    assert len(set(versions)) == 4


def test_a_row_that_decodes_but_that_no_page_can_compute_with_is_counted_as_unreadable(log):
    for index in range(2):
        log.append(samples.record(index=index))
    with closing(sqlite3.connect(log.path)) as connection, connection:
        change = "json_set(body, '$.read_bandwidth_bytes_per_s', 0.0)"
        connection.execute(f"UPDATE gqa_bodies SET body = {change} WHERE record_id = 1")
    contents = log.read()
    assert [record.point for record in contents.records] == [1]
    assert contents.warning == "1 record of the log cannot be read"


def test_to_frame_has_one_row_a_record(log):
    log.append(samples.record(index=0))
    log.append(samples.record(index=1, attend=(0.004, 0.004)))
    frame = log.to_frame()
    assert list(frame["attend_s"]) == [0.002, 0.004]
    assert list(frame["variant"]) == ["GQA", "GQA"]
    assert frame["attend_samples_s"][1] == [0.004, 0.004]
    assert list(frame["evidence"]) == [MEASURED_HERE] * 2


def test_every_row_knows_whether_it_was_measured_here(log):
    own, *elsewhere = (samples.record(index=index) for index in range(3))
    log.append(own)
    assert log.import_records([own, *elsewhere]) == [False, True, True]
    assert log.records() == [own, *elsewhere]
    assert list(log.read().logged) == [
        LoggedRecord(own, MEASURED_HERE),
        *(LoggedRecord(record, MEASURED_ELSEWHERE) for record in elsewhere),
    ]
    assert log.measured_here("decode") == [own]
    assert list(log.to_frame()["evidence"]) == [MEASURED_HERE] + [MEASURED_ELSEWHERE] * 2
    assert log.counts() == {"decode": 3}


def test_the_log_is_in_write_ahead_mode_and_knows_its_version(log):
    log.append(samples.record())
    with closing(sqlite3.connect(log.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (LOG_VERSION,)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_several_writers_at_once_lose_nothing(log):
    writers = [start_writer(log.path, f"run-{name}", 12) for name in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    logged_points = {(record.run_id, record.point) for record in log.records()}
    assert logged_points == {(f"run-{name}", index) for name in range(4) for index in range(12)}


def test_a_killed_writer_loses_nothing_it_had_committed(log):
    writer = start_writer(log.path, "victim", 100_000)
    for _ in range(20):
        committed = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    points = [record.point for record in log.records()]
    assert points == list(range(len(points)))
    assert len(points) > committed
    log.append(samples.record(run_id="survivor"))
    assert log.records()[-1].run_id == "survivor"


def test_readers_go_on_while_a_writer_writes(log):
    writer = start_writer(log.path, "busy", 30)
    counts = []
    while writer.poll() is None:
        counts.append(len(log.records()))
        time.sleep(0.01)
    writer.communicate()
    assert counts == sorted(counts)
    assert len(log.records()) == 30


def test_the_same_point_of_a_run_is_kept_once(log):
    log.append(samples.record())
    with pytest.raises(RunLogError, match="UNIQUE"):
        log.append(samples.record())
    assert len(log.records()) == 1


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, today I measured attention. " * 40)
    for use in (RunLog(path).records, RunLog(path).validate_writable):
        with pytest.raises(
            RunLogError, match=r"log .*notes.txt cannot be .*: file is not a database"
        ):
            use()
    assert path.read_text().startswith("Dear diary")


def test_somebody_else_s_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    before = path.read_bytes()
    for use in (RunLog(path).records, RunLog(path).validate_writable):
        with pytest.raises(RunLogError, match="a database of something else, not a run log"):
            use()
    assert path.read_bytes() == before


def test_a_log_of_a_newer_version_is_refused(log):
    log.append(samples.record())
    with closing(sqlite3.connect(log.path)) as connection:
        connection.execute("PRAGMA user_version = 5")
    with pytest.raises(RunLogError, match="has version 5, newer than 4"):
        log.records()


def test_a_log_of_an_earlier_version_is_refused_with_how_to_move_it_aside(log):
    log.append(samples.record())
    with closing(sqlite3.connect(log.path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    before = log.path.read_bytes()
    sentence = (
        f"log {log.path} has version 1, this program writes version 4: move the file into another "
        f"folder, with {log.path.name}-wal and {log.path.name}-shm if they are beside it, and run "
        "again; nothing was changed"
    )
    for use in (log.records, log.validate_writable, lambda: log.append(samples.record(index=1))):
        with pytest.raises(RunLogError) as error:
            use()
        assert str(error.value) == sentence
    assert log.path.read_bytes() == before
    log.path.rename(f"{log.path}.v1")
    log.append(samples.record())
    assert len(log.records()) == 1


CORRUPT = {
    "no JSON": "Dear diary",
    "truncated": encode_record(samples.record())[:-40],
    "an unknown kind": json.dumps(samples.record().to_builtins() | {"kind": "dream"}),
    "version 3": json.dumps(samples.record().to_builtins() | {"schema_version": 3}),
    "bytes that are no text": b"\xff\xfe",
    "a number": 5,
}


@pytest.mark.parametrize("body", CORRUPT.values(), ids=CORRUPT)
def test_a_row_that_cannot_be_read_is_skipped_and_counted(log, body):
    records = [samples.record(index=index) for index in range(3)]
    for record in records:
        log.append(record)
    assert log.read().warning is None
    with closing(sqlite3.connect(log.path)) as connection:
        connection.execute("UPDATE gqa_bodies SET body = ? WHERE record_id = 2", (body,))
        connection.commit()
    contents = log.read("decode")
    assert contents.records == log.records() == [records[0], records[2]]
    assert contents.n_unreadable == 1
    assert contents.warning == "1 record of the log cannot be read"
    assert len(log.to_frame()) == 2
    log.append(samples.record(index=3))
    assert len(log.records()) == 3


def test_a_record_that_could_not_be_read_back_is_not_written(log):
    log.append(samples.record())
    with pytest.raises(RunLogError, match="point 1 could not be read back"):
        log.append(samples.record(index=1, bound_s=float("nan")))
    assert len(log.records()) == 1
    assert log.read().n_unreadable == 0


def test_a_full_disk_is_one_sentence_and_keeps_what_was_there(log, monkeypatch):
    log.append(samples.record(index=0))
    connect = sqlite._connect

    def connect_to_a_full_disk(uri, busy_s):
        connection = connect(uri, busy_s)
        connection.execute("PRAGMA max_page_count = 1")  # no page more than there are
        return connection

    monkeypatch.setattr(sqlite, "_connect", connect_to_a_full_disk)
    with pytest.raises(RunLogError, match="cannot be written: database or disk is full"):
        log.append(samples.record(index=1, attend=[0.1] * 2000))
    monkeypatch.undo()
    assert [record.point for record in log.records()] == [0]


def test_a_folder_that_cannot_be_written_is_one_sentence():
    with pytest.raises(RunLogError, match=r"log /proc/gqa/runs.sqlite cannot be written"):
        RunLog("/proc/gqa/runs.sqlite").validate_writable()


def test_the_path_is_the_argument_or_the_environment_s(tmp_path, monkeypatch):
    monkeypatch.setenv("GQA_RUN_LOG", str(tmp_path / "environment.sqlite"))
    assert RunLog().path == tmp_path / "environment.sqlite"
    assert RunLog(tmp_path / "given.sqlite").path == tmp_path / "given.sqlite"
    monkeypatch.delenv("GQA_RUN_LOG")
    assert os.path.isabs(RunLog().path)
    assert RunLog().path.parent.name == "gqa-lab"


def test_a_damaged_text_is_one_record_that_cannot_be_read(log):
    for index in range(2):
        log.append(samples.record(index=index))
    with closing(sqlite3.connect(log.path)) as connection:
        connection.execute(
            "UPDATE gqa_bodies SET body = CAST(x'ff7b7d' AS TEXT) WHERE record_id = 2"
        )
        connection.commit()
    contents = log.read()
    assert [record.point for record in contents.records] == [0]
    assert contents.n_unreadable == 1
    assert log.set_aside() is None
