"""The run log in a real PostgreSQL: all that a file keeps, several at once, and a server's end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from gqa_core.records import run_log
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE
from gqa_core.records.kinds import encode_record
from gqa_core.records.log import address, migrations
from gqa_core.records.log import postgresql as backend
from gqa_core.records.log.errors import LogLockedError, LogRefusedError, RecordSpooledError
from gqa_core.records.run_log import LOG_VERSION, LoggedRecord, RunLog, RunLogError
from tests.postgresql_server import PASSWORD
from tests.records import fake_records as samples

ROOT = Path(__file__).parents[2]
OPENER = "import sys; from gqa_core.records.run_log import RunLog; RunLog(sys.argv[1])"


@pytest.fixture
def log(postgresql_url):
    return RunLog(postgresql_url)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Tries in quick succession."""
    monkeypatch.setattr(backend, "WRITE_WAITS_S", (0.05,))
    monkeypatch.setattr(backend, "QUICK_WAITS_S", (0.05,))


def query(log, command):
    url = log._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(command)
        return cursor.fetchall() if cursor.description else []


def test_records_come_back_in_order_with_their_samples_and_evidence(log):
    assert log.records() == []
    assert log.counts() == {}
    versions = [log.version()]
    own, *elsewhere = (samples.record(index=index) for index in range(3))
    log.append(own)
    versions.append(log.version())
    assert log.import_records([own, *elsewhere]) == [False, True, True]
    versions.append(log.version())
    assert list(log.read().logged) == [
        LoggedRecord(own, MEASURED_HERE),
        *(LoggedRecord(record, MEASURED_ELSEWHERE) for record in elsewhere),
    ]
    assert log.measured_here("decode") == [own]
    assert log.counts() == {"decode": 3}
    assert len(set(versions)) == 3
    assert query(log, "SELECT version FROM gqa_log") == [(LOG_VERSION,)]


def test_the_same_point_of_a_run_is_kept_once(log):
    log.append(samples.record())
    with pytest.raises(RunLogError, match="duplicate key"):
        log.append(samples.record())
    assert len(log.records()) == 1


def test_the_log_is_called_by_its_url_without_the_password(log, postgresql):
    assert log.name.startswith("postgresql+psycopg://tester:***@127.0.0.1:")
    assert (log.path, log.is_missing) == (None, False)
    query(log, "CREATE TABLE gqa_records (id int)")
    with pytest.raises(RunLogError) as error:
        log.append(samples.record())
    assert "already exists" in str(error.value)
    assert PASSWORD not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def locked(log):
    """Locks the table of records elsewhere, as a migration or VACUUM FULL does."""
    log.append(samples.record(index=0))
    url = log._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE gqa_records IN ACCESS EXCLUSIVE MODE")
        yield connection
    assert log.records()  # the lock has gone with its transaction


@pytest.mark.parametrize("busy_s", [0.0, 0.5])
def test_a_lock_held_elsewhere_costs_no_more_than_a_locked_file(postgresql_url, locked, busy_s):
    patient = RunLog(postgresql_url, busy_s=busy_s)
    for use, verb in [(patient.read, "read"), (patient.version, "read")]:
        start = time.monotonic()
        with pytest.raises(LogLockedError, match=f"cannot be {verb}: database is locked$"):
            use()
        assert busy_s <= time.monotonic() - start < busy_s + 1


def test_a_record_waits_in_a_file_while_the_table_is_locked(postgresql_url, locked):
    patient = RunLog(postgresql_url, busy_s=0.2)
    with pytest.raises(RecordSpooledError, match="database is locked; the record is kept in"):
        patient.append(samples.record(index=1))
    assert patient.n_spooled == 1
    locked.rollback()
    patient.append(samples.record(index=2))
    assert [record.point for record in patient.records()] == [0, 2, 1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"password": "guessed"}, "authentication failed"), ({"database": "none"}, "not exist")],
)
def test_a_server_that_refuses_is_one_sentence_without_the_password(log, change, reason):
    url = log._database.url.set(**change)
    refused = RunLog(url.render_as_string(hide_password=False))
    for use in (refused.records, refused.validate_writable, refused.prepare):
        with pytest.raises(RunLogError, match=reason) as error:
            use()
        assert "guessed" not in str(error.value)
        assert len(str(error.value).splitlines()) == 1


def test_several_that_open_it_first_create_it_once(log):
    command = [sys.executable, "-c", f"{OPENER}.validate_writable()"]
    url = log._database.url.render_as_string(hide_password=False)
    openers = [subprocess.Popen([*command, url], cwd=ROOT) for _ in range(4)]
    assert [opener.wait(timeout=60) for opener in openers] == [0] * 4
    assert query(log, "SELECT version FROM gqa_log") == [(LOG_VERSION,)]


def test_a_log_of_a_newer_version_is_refused(log):
    log.append(samples.record())
    query(log, f"UPDATE gqa_log SET version = {LOG_VERSION + 1}")
    for use in (log.records, lambda: log.append(samples.record(index=1))):
        with pytest.raises(RunLogError, match=f"version {LOG_VERSION + 1}, newer than"):
            use()


def test_a_log_of_an_earlier_version_is_brought_forward_once(log, monkeypatch):
    log.append(samples.record())
    query(log, "UPDATE gqa_log SET version = 1")
    rename = backend.text("UPDATE gqa_records SET run_id = run_id || '-migrated'")
    step = (LOG_VERSION, lambda connection: connection.execute(rename))
    monkeypatch.setitem(steps := dict(migrations.MIGRATIONS), 1, step)
    for module in (migrations, backend):
        monkeypatch.setattr(module, "MIGRATIONS", steps)
    for _ in range(2):
        assert log.counts() == {"decode": 1}
    assert query(log, "SELECT run_id FROM gqa_records") == [("run-1-migrated",)]
    assert query(log, "SELECT version FROM gqa_log") == [(LOG_VERSION,)]


def test_a_connection_that_the_server_ended_is_opened_again(log):
    log.append(samples.record())
    query(
        log,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert len(log.records()) == 1
    log.append(samples.record(index=1))
    assert len(log.records()) == 2


def test_a_commit_whose_answer_is_lost_is_not_made_twice(log, monkeypatch):
    log.append(samples.record())
    insert, calls = run_log.insert_new, []

    def insert_and_lose(connection, rows):
        insert(connection, rows)
        calls.append(rows)
        connection.connection.driver_connection.commit()
        end = "SELECT pg_terminate_backend(pg_backend_pid())"
        connection.execute(backend.text(end))

    monkeypatch.setattr(run_log, "insert_new", insert_and_lose)
    log.append(samples.record(index=1))
    assert len(calls) == 1
    assert [record.point for record in log.records()] == [0, 1]


def test_records_wait_in_a_file_while_the_server_is_down_and_arrive_once(log, postgresql):
    log.append(samples.record())
    postgresql.stop(signal.SIGQUIT)  # as a crash
    try:
        for index in (1, 2):
            with pytest.raises(RecordSpooledError) as error:
                log.append(samples.record(index=index))
            assert "the record is kept in" in str(error.value)
            assert PASSWORD not in str(error.value)
            assert len(str(error.value).splitlines()) == 1
        with pytest.raises(RunLogError, match="cannot be read"):
            log.records()
    finally:
        postgresql.start()
    assert log.n_spooled == 2
    log.append(samples.record(index=3))
    assert log.n_spooled == 0
    assert sorted(record.point for record in log.records()) == [0, 1, 2, 3]
    assert {logged.evidence for logged in log.read().logged} == {MEASURED_HERE}


def test_a_run_may_begin_while_the_server_is_down(log, postgresql, monkeypatch, tmp_path):
    assert log.prepare() is None
    postgresql.stop(signal.SIGQUIT)
    try:
        assert log.prepare().endswith(
            f"; records are kept in {log._spool.path} and sent once the log can be written"
        )
        monkeypatch.setenv("XDG_DATA_HOME", "/proc/none")
        with pytest.raises(RunLogError, match="nor can /proc/none"):
            RunLog(log._database.url.render_as_string(hide_password=False)).prepare()
    finally:
        postgresql.start()
    assert log.prepare() is None


@pytest.mark.parametrize(
    ("reason", "is_refused"),
    [
        ('FATAL:  password authentication failed for user "me"', True),
        ("FATAL:  the database system is starting up", False),
        ("FATAL:  sorry, too many clients already", False),
        ("Connection refused", False),
    ],
)
def test_a_server_that_is_starting_or_full_is_waited_for(reason, is_refused):
    error = DBAPIError("", None, psycopg.OperationalError(reason))
    assert (backend._kind(error) is LogRefusedError) == is_refused


def test_what_waits_is_sent_when_the_log_is_next_tried(log):
    record = samples.record()
    assert log._spool is not None
    for _ in range(2):  # also after a kill between the commit and the removal of the file
        log._spool.add(encode_record(record))
        log.validate_writable()
        assert log.n_spooled == 0
        assert log.records() == [record]


def test_a_line_that_is_no_record_is_moved_aside_and_stops_nothing(log):
    earlier = Path(__file__).with_name("records_of_version_4.jsonl").read_text().splitlines()[0]
    spool = log._spool
    assert spool is not None
    for body in (encode_record(samples.record()), earlier, encode_record(samples.record())):
        spool.add(body)
    with open(spool.path, "ab") as file:
        file.write(b'{"kind": 3}\n\xff{}\n')
    assert log.n_spooled == 5
    assert log.send_spooled() == 3  # one of them twice, one of an earlier version
    assert log.n_spooled == 0
    assert len(log.records()) == 2
    assert spool.unreadable_path.read_bytes() == b'{"kind": 3}\n\xff{}\n'


def test_half_a_line_in_the_file_is_no_record_and_spoils_none(log):
    record = samples.record()
    assert log._spool is not None
    log._spool.add(encode_record(samples.record(index=1)))
    with open(log._spool.path, "ab") as file:
        file.write(b'{"kind":"decode","poi')  # a kill while it was written
    assert log.n_spooled == 1
    log._spool.add(encode_record(record))
    assert log.send_spooled() == 2
    assert sorted(record.point for record in log.records()) == [0, 1]


def test_a_missing_driver_is_one_sentence(monkeypatch):
    monkeypatch.setattr(address.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RunLogError) as error:
        RunLog(f"postgresql://me:{PASSWORD}@host/db")
    assert str(error.value) == (
        "log postgresql+psycopg://me:***@host/db needs the driver psycopg: install it with "
        "pip install 'gqa-lab[postgres]'"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{PASSWORD}@host/db",
        f"postgresql+psycopg://me:{PASSWORD}@host",
        f"postgresql://me:{PASSWORD}@host:port/db",
        f"sqlite://{PASSWORD}",
    ],
)
def test_a_url_that_is_no_log_is_one_sentence_without_the_password(url):
    with pytest.raises(RunLogError, match=r"log must be .*a URL such as") as error:
        RunLog(url)
    assert PASSWORD not in str(error.value)
