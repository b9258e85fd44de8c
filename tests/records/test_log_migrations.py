"""Logs of earlier versions: brought forward whole or not at all, by whoever opens them first."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE
from gqa_core.records.kinds import KINDS
from gqa_core.records.log import migrations, sqlite
from gqa_core.records.run_log import LOG_VERSION, RunLog, RunLogError
from tests.records import fake_records as samples

ROOT = Path(__file__).parents[2]
VERSION_3 = Path(__file__).with_name("log_of_version_3.sqlite")  # written by that program
VERSION_4_RECORDS = Path(__file__).with_name("records_of_version_4.jsonl")
OPENER = "import sys; from gqa_core.records.run_log import RunLog; RunLog(sys.argv[1]).read()"


def old_rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT run_id, point, evidence, body FROM records").fetchall()


def user_version(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


@pytest.fixture
def log_3(tmp_path):
    """A log as version 3 wrote it: records of every kind, imported ones, and a damaged one."""
    path = tmp_path / "old.sqlite"
    shutil.copyfile(VERSION_3, path)
    assert user_version(path) == 3
    return RunLog(path)


@pytest.fixture
def log_2(tmp_path):
    """A log as version 2 wrote it, with records of schema version 4."""
    path = tmp_path / "older.sqlite"
    shutil.copyfile(VERSION_3, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM records")
        for index, line in enumerate(VERSION_4_RECORDS.read_text().splitlines()):
            record = json.loads(line)
            row = ("run-4", index, record["kind"], record["created_at"], MEASURED_HERE, line)
            connection.execute(
                "INSERT INTO records (run_id, point, kind, created_at, evidence, body) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
        connection.execute("PRAGMA user_version = 2")
    return RunLog(path)


USES = {
    "a reader": lambda log: log.read(),
    "a counter": lambda log: log.counts(),
    "a writer": lambda log: log.validate_writable(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_log_of_version_3_is_brought_forward_by_whoever_opens_it_first(log_3, use):
    before = old_rows(log_3.path)
    use(log_3)
    assert user_version(log_3.path) == LOG_VERSION
    contents = log_3.read()
    assert contents.n_unreadable == 1
    assert {record.kind for record in contents.records} == set(KINDS) - {"sharded"}
    readable = [row for row in before if row[0] != "damaged"]
    assert [(r.record.run_id, r.record.point, r.evidence) for r in contents.logged] == [
        row[:3] for row in readable
    ]
    assert [record.to_builtins() for record in contents.records] == [
        json.loads(row[3]) for row in readable
    ]
    assert {logged.evidence for logged in contents.logged} == {MEASURED_HERE, MEASURED_ELSEWHERE}
    log_3.append(samples.record())
    assert log_3.records()[-1].run_id == "run-1"


def test_a_record_that_cannot_be_read_keeps_its_text(log_3):
    log_3.validate_writable()
    with closing(sqlite3.connect(log_3.path)) as connection:
        rows = connection.execute(
            "SELECT body, is_readable FROM gqa_records JOIN gqa_bodies ON record_id = id "
            "WHERE run_id = 'damaged'"
        ).fetchall()
    assert rows == [("Dear diary", 0)]


def test_records_of_version_2_get_the_fields_of_today(log_2):
    old = [json.loads(row[3]) for row in old_rows(log_2.path)]
    assert {record["schema_version"] for record in old} == {4}
    assert {record["kind"] for record in old} == set(KINDS) - {"sharded"}
    contents = log_2.read()
    assert (len(contents.logged), contents.n_unreadable) == (len(old), 0)
    for record, before in zip(contents.records, old, strict=True):
        record.validate()
        assert record.schema_version == 5
        if record.kind == "decode":
            assert record.arithmetic_flops_per_s == before["matmul_flops_per_s"]
            assert record.bandwidth_samples_bytes_per_s == ()
            assert record.samples_s.attend == tuple(before["samples_s"]["attend"])


def test_a_step_that_fails_leaves_the_log_as_it_was(log_3, monkeypatch):
    before = old_rows(log_3.path)

    def fail(*arguments):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(migrations, "insert_new", fail)
    with pytest.raises((RunLogError, sqlite3.Error)):
        log_3.read()
    assert (user_version(log_3.path), old_rows(log_3.path)) == (3, before)
    monkeypatch.undo()
    assert len(log_3.records()) == len(before) - 1


def test_a_kill_in_the_middle_leaves_the_log_as_it_was(log_3):
    before = old_rows(log_3.path)
    code = (
        "import os, signal, sys\n"
        "from gqa_core.records.log import migrations\n"
        "from gqa_core.records.run_log import RunLog\n"
        "rows = migrations.insert_new\n"
        "def insert_and_die(*arguments):\n"
        "    rows(*arguments)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "migrations.insert_new = insert_and_die\n"
        "RunLog(sys.argv[1]).read()\n"
    )
    died = subprocess.run([sys.executable, "-c", code, str(log_3.path)], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    assert (user_version(log_3.path), old_rows(log_3.path)) == (3, before)
    assert len(log_3.records()) == len(before) - 1


def test_several_that_open_it_at_once_bring_it_forward_once(log_3):
    n_records = len(old_rows(log_3.path))
    command = [sys.executable, "-c", OPENER, str(log_3.path)]
    openers = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [opener.wait(timeout=60) for opener in openers] == [0] * 4
    assert sum(log_3.counts().values()) == n_records


def test_a_log_of_the_version_before_that_cannot_be_written_is_refused(log_3, monkeypatch):
    monkeypatch.setattr(sqlite.os, "access", lambda *arguments: False)
    with pytest.raises(RunLogError, match="has version 3, this program writes version 4"):
        log_3.read()
