"""A log that cannot be used is one sentence on a page without a path; no record is lost by it."""

import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from dashboard.shell.jobs import RunJob
from dashboard.shell.page_log import log_sentence
from dashboard.shell.public_text import public_messages, public_text
from dashboard.views import run_panel
from gqa_core.records.log.errors import LogRefusedError, RecordSpooledError
from gqa_core.records.run_log import RunLog, RunLogError
from gqa_core.runner.events import NotLogged
from tests.dashboard.example_settings import DEVICE_INFO
from tests.records import fake_records as samples

N_RECORDS = 40


@pytest.fixture(autouse=True)
def device(monkeypatch):
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda *names: DEVICE_INFO)
    monkeypatch.setattr("dashboard.shell.page_log._last_wait", {"ended_s": float("-inf")})


@pytest.fixture
def full_log(log):
    """The log with records, and its bytes."""
    for index in range(N_RECORDS):
        log.append(samples.record(index=index))
    with closing(sqlite3.connect(log.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return log


def notices(app, log):
    """The warnings of a page, none of which names the log's folder."""
    assert not app.exception
    texts = [block.value.replace("\\", "") for block in (*app.warning, *app.error, *app.info)]
    assert not any(str(log.path.parent) in text for text in texts)
    return " ".join(texts)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def make_foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")


def make_newer(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


SET_ASIDE = {
    "damaged": (truncate, "was damaged"),
    "foreign": (make_foreign, "was something else"),
    "newer": (make_newer, "was of a newer version of this program"),
}


@pytest.mark.parametrize("kind", SET_ASIDE)
def test_a_log_that_cannot_be_used_is_set_aside_whole_and_a_new_one_opens(opened, full_log, kind):
    spoil, sentence = SET_ASIDE[kind]
    spoil(full_log.path)
    before = full_log.path.read_bytes()
    app = opened("runs")
    (copy,) = full_log.path.parent.glob(f"runs.sqlite.{kind}-*Z")
    sentences = notices(app, full_log)
    assert (
        f"The file of the run log {sentence} and was set aside whole as {copy.name} beside"
        in sentences
    )
    assert copy.read_bytes() == before
    full_log.append(samples.record(run_id="after"))
    assert [record.run_id for record in full_log.records()] == ["after"]
    assert copy.name in notices(opened("decode"), full_log)  # also after a restart
    shutil.move(copy, full_log.path.parent.parent)
    assert "set aside" not in notices(opened("decode"), full_log)


def test_a_log_that_another_process_has_locked_costs_a_page_two_seconds(opened, full_log):
    with closing(sqlite3.connect(full_log.path)) as holder:
        holder.execute("PRAGMA journal_mode = DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        start = time.monotonic()
        app = opened("decode")
        seconds = time.monotonic() - start
    assert "The run log cannot be read: database is locked." in notices(app, full_log)
    assert 1.9 < seconds < 6  # of which the page itself takes half a second, more under load
    assert len(full_log.records()) == N_RECORDS
    assert not list(full_log.path.parent.glob("runs.sqlite.*Z"))


def test_a_locked_table_costs_a_page_as_much_as_a_locked_file(opened, postgresql_url, monkeypatch):
    psycopg = pytest.importorskip("psycopg")
    monkeypatch.setenv("GQA_RUN_LOG", postgresql_url)
    RunLog().append(samples.record())
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as holder:
        holder.execute("LOCK TABLE gqa_records IN ACCESS EXCLUSIVE MODE")
        start = time.monotonic()
        app = opened("decode")
        seconds = time.monotonic() - start
    assert not app.exception
    texts = [each.value.replace("\\", "") for each in (*app.warning, *app.error, *app.info)]
    assert "The run log cannot be read: database is locked." in texts
    assert 1.9 < seconds < 6


def test_a_write_lock_held_elsewhere_costs_two_seconds_and_is_said(full_log):
    with closing(sqlite3.connect(full_log.path)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        assert run_panel._log_problem() == "The run log cannot be written: database is locked."
        assert time.monotonic() - start < 4
    assert run_panel._log_problem() == ""


def test_a_run_is_logged_although_the_server_of_the_log_is_away(monkeypatch, tmp_path):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("GQA_RUN_LOG", "postgresql+psycopg://me@127.0.0.1:1/db")
    assert run_panel._log_problem() == ""  # which starts it with --no-log otherwise


def test_a_log_in_the_place_of_a_folder_shows_no_path(opened, log):
    log.path.mkdir()
    assert "The run log cannot be read: " in notices(opened("decode"), log)


def ended_run(records):
    return RunJob(arguments=("bench",), n_points=len(records), records=list(records), state="done")


def test_a_run_says_that_its_records_are_in_the_log_only_while_they_are(full_log):
    own = [samples.record(index=index, run_id="own") for index in range(2)]
    for record in own:
        full_log.append(record)
    assert run_panel._summary(ended_run(own)) == "2 of 2 points were measured and are in the log"
    make_newer(full_log.path)
    assert run_panel._summary(ended_run(own)) == (
        "2 of 2 points were measured, but only 0 of them are in the log: download them below"
    )
    RunLog().path.mkdir()
    sentences = run_panel._summary(ended_run(own))
    assert "whether they are in the log is not known now (run log cannot be read: " in sentences
    assert str(full_log.path.parent) not in sentences


def test_a_run_of_an_earlier_server_is_said_once(opened):
    app = opened("decode", run="QxgjYBJ5eLV1")
    assert not app.exception
    assert any("run in the link is not known here any more" in code.value for code in app.code)
    assert "run" not in app.query_params


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("log /home/a b/runs.sqlite cannot be read: no", "log ... cannot be read: no"),
        ("[Errno 2] No such file: '/tmp/gqa-1/y'", "[Errno 2] No such file: '...'"),
        (r"C:\Users\me\runs.sqlite is bad", "... is bad"),
        ("postgresql+psycopg://me:***@host/db is down", "... is down"),
        ("12 GB/s, 2 K/V heads and/or 3 / 4", "12 GB/s, 2 K/V heads and/or 3 / 4"),
        ("torch 2.13.0 at 15:33:38: std::bad_alloc", "torch 2.13.0 at 15:33:38: std::bad_alloc"),
        ("bind to 10.0.0.5:5432 or [fe80::1%eth0]:80 failed?.", "bind to ... or ... failed."),
        ("ask ('127.0.0.1', 5432) or db.internal:5432", "ask ... or ..."),
        ('for host "10.0.0.5", port 5432, on ::1', "for ..., ..., on ..."),
    ],
)
def test_a_path_is_not_public(text, shown):
    assert public_text(text) == shown


DRIVER_TEXTS = [
    'connection failed: connection to server at "127.0.0.1", port 54917 failed: Connection refused '
    "Is the server running on that host and accepting TCP/IP connections?",
    'connection failed: connection to server at "::1", port 54917 failed: Connection refused',
    'connection to server at "db.internal" (10.0.0.5), port 54917 failed: timeout expired',
    'connection is bad: connection to server on socket "/run/pg/.s.PGSQL.54917" failed: No such '
    "file or directory Is the server running locally and accepting connections on that socket?",
    "failed to resolve host 'db.internal': [Errno -2] Name or service not known",
    'could not translate host name "db.internal" to address: Name or service not known',
    "server closed the connection unexpectedly This probably means the server terminated",
    "Multiple connection attempts failed. All failures were: - host: 'db.internal', port: 54917, "
    "hostaddr: '::1': connection failed",
]


@pytest.mark.parametrize("driver", DRIVER_TEXTS)
def test_a_log_that_does_not_answer_is_one_sentence_without_an_address(driver):
    problem = f"log postgresql+psycopg://me:***@db.internal:54917/gqa cannot be written: {driver}"
    assert public_text(f"{problem}.") == "the run log does not answer."
    spooled = "the record is kept in /home/me/spool/a.jsonl and sent once the log can be written"
    reason = str(NotLogged(n_records=2, n_points=3, reason=f"{problem}; {spooled}"))
    assert public_text(f"{reason}.") == (
        "2 of 3 records were measured but are not in the log: the run log does not answer; "
        "records wait on this server and are sent later."
    )
    shown = public_text(f"log x cannot be read: {driver}; try again")
    for part in ("127.0.0.1", "::1", "54917", "db.internal", "10.0.0.5", "PGSQL", "?"):
        assert part not in shown
    refused = f'{DRIVER_TEXTS[2]}: FATAL: password authentication failed for user "me"'
    assert public_text(f"so: {refused}") == "so: its server lets nobody in"


def test_a_page_counts_the_records_that_wait_for_the_logs_server(monkeypatch, tmp_path):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("GQA_RUN_LOG", "postgresql+psycopg://me@127.0.0.1:1/db")
    with pytest.raises(RunLogError) as unreachable:
        RunLog().records()
    assert "127.0.0.1" in str(unreachable.value)
    assert log_sentence(unreachable.value) == "The run log does not answer."
    with pytest.raises(RecordSpooledError) as spooled:
        RunLog().append(samples.record())
    assert log_sentence(spooled.value) == (
        "The run log does not answer; 1 record waits on the server and is sent later."
    )
    refused = LogRefusedError("log x cannot be read: FATAL: password authentication failed")
    assert log_sentence(refused).startswith("The run log lets nobody in; 1 record waits")


def test_the_lines_of_a_traceback_are_not_public():
    lines = ["Traceback (most recent call last):.", '  File "/x/y.py", line 3.', "    z()."]
    assert public_messages([*lines, "ValueError: of /x/y."]) == ["ValueError: of ..."]
