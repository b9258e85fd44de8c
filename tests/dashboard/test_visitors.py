"""Two visitors of a hosted server are strangers: views, imports and refusals of each."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest

from dashboard.shell import loaders, untrusted, visitors
from dashboard.shell.job_queue import JobQueue
from dashboard.shell.process import process_wide
from gqa_core.limits.refusal import LimitError
from gqa_core.records.header import DeviceInfo
from gqa_core.records.kinds import encode_record
from gqa_core.records.run_log import RunLog
from gqa_core.runner import outside
from tests.dashboard.page_probe import metrics
from tests.records import fake_records as samples

DEVICE = DeviceInfo(type="cpu", name="A CPU", n_threads=2, torch_version="2.13.0", free_bytes=2**33)


@pytest.fixture
def hosted(set_limits, monkeypatch, tmp_path):
    """Strict limits, and no visitor known yet."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    process_wide("imports", lambda: visitors.Rate(60))._times.clear()
    return lambda **values: set_limits(hosted=1, **values)


def lines(run_id, n=2):
    made = [samples.record(index, run_id=run_id) for index in range(n)]
    return "\n".join(map(encode_record, made))


def paste(app, text):
    app.text_area(key="import_text").set_value(text)
    return app.button(key="import_button").click().run()


def texts(app):
    shown = " ".join(element.value for element in [*app.error, *app.warning, *app.success])
    return shown.replace("\\", "")


def test_imported_records_stay_in_their_session(opened, hosted, log):
    hosted()
    log.append(samples.record(run_id="host"))
    ada, bob = opened("runs"), opened("runs")
    ada = paste(ada, lines("made-up"))
    assert "2 imported, 0 refused" in texts(ada)
    assert metrics(ada)["Records"] == "2"
    assert "Records" not in metrics(bob.run()), "the log of bob is empty"
    assert [record.run_id for record in log.records()] == ["host"], "nothing reached the log"


def test_at_home_imports_go_into_the_log_of_all(opened, set_limits, log):
    set_limits()
    paste(opened("runs"), lines("elsewhere"))
    assert len(log.records()) == 2
    assert metrics(opened("runs"))["Records"] == "2"


def test_each_limit_of_an_import_names_itself(opened, hosted):
    hosted(session_records=3, imports_per_minute=2)
    app = paste(opened("runs"), lines("one"))
    app = paste(app, lines("two", 3))
    assert "imported records per session are limited to 3 here: these would make 5" in texts(app)
    app = paste(app, lines("one", 1))
    app = paste(app, lines("one", 1))
    assert "limited to 2 per minute here: you made 2" in texts(app)
    hosted(allow_imports=0, session_records=2000)
    assert "nothing can be imported here; on your own machine" in texts(paste(app, lines("one")))
    hosted(allow_imports=1, visible_records="shipped")
    assert "only shipped ones are shown" in texts(paste(app, lines("one")))


def test_a_paste_is_bounded_before_it_is_parsed(hosted):
    hosted(paste_bytes=1000, upload_bytes=1000)
    with pytest.raises(LimitError, match="may have at most 1,000 B here: this one has 2,000 bytes"):
        untrusted.read_paste("{" * 2000, pytest.fail)
    with pytest.raises(LimitError, match="GQA_UPLOAD_BYTES"):
        untrusted.read_upload(b"{" * 2000, pytest.fail)


def test_a_large_paste_is_read_in_a_process_of_its_own(opened, hosted, monkeypatch):
    hosted(session_records=2000)
    calls = []
    real = outside.call_outside
    monkeypatch.setattr(
        "dashboard.shell.untrusted.call_outside",
        lambda *arguments: calls.append(arguments[:2]) or real(*arguments),
    )
    text = lines("large", 60)
    assert len(text) > 2**16
    app = paste(opened("runs"), text)
    assert calls == [("gqa_core.records.importing", "import_text")]
    assert "60 imported, 0 refused" in texts(app)
    assert metrics(app)["Records"] == "60"


def test_own_runs_are_seen_and_those_of_others_are_not(opened, hosted, monkeypatch):
    hosted()
    queue = JobQueue(command=["never"])
    monkeypatch.setattr("dashboard.shell.visible_log.job_queue", lambda: queue)
    app = opened("runs")
    run = queue.get(queue.submit(["bench"], app.session_state["visitor"]))
    run.on_stdout(encode_record(samples.record(run_id="own")))
    assert metrics(app.run())["Records"] == "1"
    assert "Records" not in metrics(opened("runs"))
    run.on_stdout(encode_record(samples.record(1, run_id="own")))
    assert metrics(app.run())["Records"] == "2"


def test_a_visitor_who_comes_back_and_one_failed_write_lose_nothing(hosted, monkeypatch):
    from dashboard.shell.visible_log import SessionLogs

    hosted()
    queue = JobQueue(command=["never"])
    monkeypatch.setattr("dashboard.shell.visible_log.job_queue", lambda: queue)
    run = queue.get(queue.submit(["bench"], "ada"))
    for index in range(3):
        run.on_stdout(encode_record(samples.record(index, run_id="own")))
    logs = SessionLogs()
    log = RunLog(logs.path("ada"))
    log.add_absent(run.records[:2])  # as far as an earlier call came
    logs.copy_runs("ada", log)
    assert [record.point for record in log.records()] == [0, 1, 2]
    log.path.unlink()  # ada had left
    logs.copy_runs("ada", log)
    assert [record.point for record in log.records()] == [0, 1, 2]


def test_whoever_has_the_address_of_a_run_is_its_visitor(opened, hosted, monkeypatch):
    hosted()
    queue = JobQueue(command=["never"])
    monkeypatch.setattr("dashboard.shell.visitors.job_queue", lambda: queue)
    run_id = queue.submit(["bench"], "ada")
    assert len(run_id) >= 22  # 128 bits
    assert opened("runs", run=run_id).session_state["visitor"] == "ada"
    stranger = opened("runs", run="guess").session_state["visitor"]
    assert len(stranger) >= 22
    assert stranger != opened("runs").session_state["visitor"]


@pytest.mark.parametrize(
    ("connection", "address"),
    [
        ("8.8.4.4", "8.8.4.4"),
        ("::ffff:8.8.4.4", "8.8.4.4"),
        ("2001:4860:4860:1:2:3:4:5", "2001:4860:4860:1::/64"),  # a provider gives a home 64 bits
        (None, ""),  # this machine
        ("10.20.0.3", ""),  # most likely a proxy
        ("fd00::3", ""),
        ("testclient", ""),
    ],
)
def test_an_address_is_known_where_it_is_public(connection, address, monkeypatch):
    monkeypatch.setattr(visitors.st, "context", SimpleNamespace(ip_address=connection))
    assert visitors.address() == address


def test_a_wrong_setting_shows_one_sentence_in_place_of_the_page(opened, set_limits):
    with suppress(ValueError):
        set_limits(run_seconds="soon")
    app = opened("decode")
    assert "GQA_RUN_SECONDS must be a valid integer" in texts(app)
    assert not app.button


@pytest.mark.parametrize("page", ["decode", "why_cache", "quality"])
def test_a_run_that_would_take_too_long_is_refused_before_it_starts(
    page, opened, set_limits, log, monkeypatch
):
    monkeypatch.setattr(loaders, "device", lambda: DEVICE)
    set_limits(run_seconds=5)
    app = opened(page)
    app = app.button(key="run_button").click().run()
    assert "a run may take at most 5 s here: this one would take about" in texts(app).lower()
    assert "run" not in app.query_params


def test_json_bounds_hold_outside_too():
    with pytest.raises(ValueError, match="at most 32 levels deep"):
        outside.call_outside(
            "gqa_core.strict_json", "parse_object", json.dumps({"a": nested(60)}).encode(), "x"
        )


def nested(depth):
    return [nested(depth - 1)] if depth else 0


def test_a_text_that_takes_too_much_memory_or_time_is_refused(monkeypatch):
    monkeypatch.setattr(outside, "TIME_LIMIT_S", 1.0)
    with pytest.raises(ValueError, match="must be read within 1 s"):
        outside.call_outside("time", "sleep", 30)
    monkeypatch.setattr(outside, "TIME_LIMIT_S", 60.0)
    with pytest.raises(ValueError, match="must be read within 2 GB"):
        outside.call_outside("builtins", "bytearray", 3 * 10**9)


def test_a_log_of_a_visitor_who_has_left_is_removed(hosted, monkeypatch, tmp_path):
    from dashboard.shell.visible_log import SessionLogs

    hosted(closed_running_seconds=1)
    logs = SessionLogs()
    RunLog(logs.path("ada")).append(samples.record(run_id="own"))
    logs.last_visit_s["ada"] = -100.0
    monkeypatch.setattr(visitors, "is_present", lambda name: name == "bob")
    logs.remove_logs_of_absent("bob")
    assert list(logs.folder.iterdir()) == []


def test_one_visitor_too_many_is_told_and_has_room_when_another_leaves(set_limits, monkeypatch):
    set_limits(sessions=2)
    active, current = {"a", "b", "c"}, SimpleNamespace(session_id="a")
    server = SimpleNamespace(is_active_session=active.__contains__)
    monkeypatch.setattr(visitors.runtime, "exists", lambda: True)
    monkeypatch.setattr(visitors.runtime, "get_instance", lambda: server)
    monkeypatch.setattr(visitors, "get_script_run_ctx", lambda: current)
    monkeypatch.setattr(visitors, "bound_uploads", lambda: None)
    monkeypatch.setattr(visitors, "job_queue", SimpleNamespace)
    monkeypatch.setattr(visitors, "visitor", lambda: f"visitor {current.session_id}")
    monkeypatch.setattr(visitors, "_sessions", lambda sessions={}: sessions)
    for current.session_id in ("a", "b"):
        visitors.note_visit()
    current.session_id = "c"
    with pytest.raises(LimitError, match="visitors are limited to 2 at once here: 3 are connected"):
        visitors.note_visit()
    assert visitors.is_present("visitor a")
    active.remove("a")
    visitors.note_visit()
    assert not visitors.is_present("visitor a")


def test_logs_of_sessions_go_with_the_server_and_those_of_a_killed_one_with_the_next(tmp_path):
    killed = tmp_path / f"gqa-visitors-{2**22 + 1}-x"  # no process has this number
    killed.mkdir()
    code = "from dashboard.shell.visible_log import SessionLogs; print(SessionLogs().folder)"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith(str(tmp_path / "gqa-visitors-"))
    assert list(tmp_path.glob("gqa-visitors-*")) == []
