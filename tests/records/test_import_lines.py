"""Imports of any file: each line that is no record is named, and a file has a largest size."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gqa_core.records import importing
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE
from gqa_core.records.importing import import_records, read_record
from gqa_core.records.run_log import LoggedRecord, RunLog, RunLogError
from tests.records import fake_comparisons as comparisons
from tests.records import fake_generations as generations
from tests.records import fake_records as samples
from tests.records.import_cases import changed, import_text, jsonl
from tests.scale import FACTOR


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("hello", "record must be one JSON object: Expecting value, line 1 column 1"),
        ("[1, 2]", "record must be one JSON object: got a list of 2"),
        ("null", "record must be one JSON object: got null"),
        ("[" * 200_000, "record must be at most 32 levels deep: got more"),
        ("9" * 5000, "whole numbers must have at most 40 digits: got 5000"),
        ('{"kind": "decode", "kind": "decode"}', "a key must come once in its object: got"),
        (b"\xff\xfe", "record must be UTF-8 text: got other bytes"),
        ('{"a": "' + "x" * 3 * 2**20 + '"}', "must be at most 2097152 bytes long: got more"),
    ],
)
def test_a_line_that_is_no_record_is_named(log, line, sentence):
    data = line if isinstance(line, bytes) else line.encode()
    imported = import_text(log, b"\n" + data + b"\r\n\n" + jsonl(samples.record()).encode())
    assert imported.n_imported == 1
    (refusal,) = imported.refused
    assert refusal.startswith(f"line 2: {sentence}")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(log, word):
    lie = jsonl(samples.record(attend=(0.002, 0.002, 0.123))).replace("0.123", word)
    (refusal,) = import_text(log, lie).refused
    assert "finite" in refusal or "between 1e-09 and 1e+06: got inf" in refusal
    assert log.records() == []
    assert not log.path.exists()


def test_a_million_rows_are_refused_unread_and_none_is_kept(log):
    class Endless(io.RawIOBase):
        given = 0

        def readline(self, most):
            self.given += 1
            return b"{}\n"

    source = Endless()
    with pytest.raises(ValueError, match="a file must have at most 50000 lines: got more"):
        import_records(source, log)
    assert source.given == importing.MAX_LINES + 1
    assert not log.path.exists()


def test_a_file_without_an_end_is_refused_by_its_size(log):
    class OneLine(io.RawIOBase):
        given = 0

        def readline(self, most):
            self.given += most
            return b"x" * most

    source = OneLine()
    with pytest.raises(ValueError, match="a file must be at most 67108864 bytes: got more"):
        import_records(source, log)
    assert source.given <= importing.MAX_FILE_BYTES + 2 * importing.MAX_LINE_BYTES


def test_the_same_point_twice_is_named_and_kept_once(log):
    log.append(samples.record(index=0))
    first_record, second_record = samples.record(index=0), samples.record(index=1)
    imported = import_text(log, jsonl(first_record, second_record, second_record))
    assert imported.n_imported == 1
    assert imported.refused == (
        "line 1: point 0 of run run-1 is in the log already",
        "line 3: point 1 of run run-1 stands in line 2 already",
    )
    assert list(log.read().logged) == [
        LoggedRecord(first_record, MEASURED_HERE),
        LoggedRecord(second_record, MEASURED_ELSEWHERE),
    ]


def test_a_line_of_our_own_is_read_as_one_that_somebody_else_wrote():
    records = [samples.record(), *generations.records(), comparisons.record()]
    for record in records:
        line = jsonl(record).strip().encode()
        spaced = line.replace(b":", b": ", 1)
        assert importing._own_record(line) == record
        assert importing._own_record(spaced) is None
        assert read_record(line) == read_record(spaced) == record
    twice = line[:-1] + b',"planted":false}'
    with pytest.raises(ValueError, match="a key must come once"):
        read_record(twice)


def test_html_in_a_name_is_kept_as_the_text_it_is(log):
    record = changed(
        samples.record(), "device.name", "CPU <img src=x onerror=alert(1)> **A** $CPU$"
    )
    assert import_text(log, jsonl(record)).n_imported == 1
    assert log.records()[0].device.name == "CPU <img src=x onerror=alert(1)> **A** $CPU$"


def test_a_byte_order_mark_and_windows_line_ends_are_no_lie(log):
    text = "\ufeff" + jsonl(samples.record(index=0), samples.record(index=1)).replace("\n", "\r\n")
    assert import_text(log, text).n_imported == 2


def test_a_log_that_cannot_be_written_is_one_sentence():
    with pytest.raises(RunLogError, match=r"log /proc/gqa/runs.sqlite cannot be written"):
        import_text(RunLog("/proc/gqa/runs.sqlite"), jsonl(samples.record()))


@settings(max_examples=200 * FACTOR, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text() | st.binary())
def test_any_text_gives_records_or_sentences_and_no_traceback(tmp_path, text):
    log = RunLog(tmp_path / "runs.sqlite")
    imported = import_text(log, text)
    data = text if isinstance(text, bytes) else text.encode()
    n_lines = sum(bool(line.strip()) for line in data.split(b"\n"))
    assert imported.n_imported == 0
    assert len(imported.refused) in (n_lines, n_lines - 1)  # a byte order mark alone is no line
