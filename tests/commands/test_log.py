"""The commands log and import: streams in and out, in whole lines, whatever the length."""

import io
import json

import pytest
from msgspec import structs

from gqa_core.commands.cli import main
from gqa_core.records import importing
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.importing import import_records, import_stream
from gqa_core.records.run_log import RunLog
from tests.records import fake_comparisons as comparisons
from tests.records import fake_records as samples
from tests.records.import_cases import jsonl

RECORDS = [*(samples.record(index=index) for index in range(5)), comparisons.record(run_id="run-2")]


def test_what_one_log_prints_another_imports(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gqa_core.records.run_log.BATCH", 2)
    first, second = (RunLog(tmp_path / name) for name in ("first.sqlite", "second.sqlite"))
    for record in RECORDS:
        first.append(record)
    assert main(["log", "--jsonl", "--log", first.name]) == 0
    lines = capsys.readouterr().out
    assert lines == jsonl(*RECORDS)
    (tmp_path / "lines.jsonl").write_text(lines)
    assert main(["import", str(tmp_path / "lines.jsonl"), "--log", second.name]) == 0
    assert capsys.readouterr().err == "6 imported, 0 refused\n"
    assert second.records() == RECORDS
    assert {logged.evidence for logged in second.read().logged} == {MEASURED_ELSEWHERE}


def test_json_is_one_array_also_of_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gqa_core.records.run_log.BATCH", 2)
    log = RunLog(tmp_path / "runs.sqlite")
    log.validate_writable()
    for expected in ([], [record.to_builtins() for record in RECORDS]):
        assert main(["log", "--json", "--log", log.name]) == 0
        assert json.loads(capsys.readouterr().out) == expected
        log.import_records(RECORDS)
    assert main(["log", "--log", log.name]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(RECORDS)


def test_a_line_names_the_run_and_the_machine_that_measured_it(tmp_path, capsys, monkeypatch):
    log = RunLog(tmp_path / "runs.sqlite")
    for index, machine in enumerate(("node1", "node2", None)):
        record = samples.record(index=index)
        log.append(structs.replace(record, device=structs.replace(record.device, machine=machine)))
    log.import_records([comparisons.record(run_id="run-2")])
    monkeypatch.setenv("GQA_MACHINE", "node1")
    assert main(["log", "--log", log.name]) == 0
    lines = capsys.readouterr().out.splitlines()
    name = samples.CPU.name
    for line, run_id, evidence, device in zip(
        lines,
        ("run-1", "run-1", "run-1", "run-2"),
        ("measured here", "measured on node2", "measured here", "measured elsewhere"),
        (f"{name}, node1", f"{name}, node2", name, name),
        strict=True,
    ):
        parts = [part.strip() for part in line.split("  ") if part.strip()]
        assert (parts[1], *parts[-2:]) == (run_id, evidence, device)


def test_the_command_takes_more_than_a_page_does(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "MAX_LINES", 3)
    monkeypatch.setattr(importing, "BATCH", 2)
    log, sentences = RunLog(tmp_path / "runs.sqlite"), []
    text = jsonl(*RECORDS, RECORDS[0], "no record").encode()
    with pytest.raises(ValueError, match="at most 3 lines"):
        import_records(io.BytesIO(text), log)
    assert not log.path.exists()
    assert import_stream(io.BytesIO(text), log, sentences.append) == (6, 2)
    assert sentences[0] == "line 7: point 0 of run run-1 is in the log already"
    assert sentences[1].startswith("line 8: record must be one JSON object")


def test_a_stream_that_breaks_off_keeps_what_was_imported(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)

    class Broken(io.BytesIO):
        def readline(self, *arguments):
            if self.tell() > len(jsonl(*RECORDS[:3])):
                raise OSError("the other end is gone")
            return super().readline(*arguments)

    log = RunLog(tmp_path / "runs.sqlite")
    with pytest.raises(OSError, match="gone"):
        import_stream(Broken(jsonl(*RECORDS).encode()), log, print)
    assert log.records() == RECORDS[:4]
    assert import_stream(io.BytesIO(jsonl(*RECORDS).encode()), log, lambda text: None) == (2, 4)


def test_records_that_wait_for_a_server_are_sent_by_the_command(postgresql_url, capsys):
    log = RunLog(postgresql_url)
    log._spool.add(jsonl(RECORDS[0]).strip())
    assert main(["log", "--jsonl", "--log", postgresql_url]) == 0
    printed = capsys.readouterr()
    assert printed.out == jsonl(RECORDS[0])
    assert printed.err == "1 waiting record sent to the log\n"
    assert log.n_spooled == 0
