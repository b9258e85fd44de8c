"""The command sample-runs: parts written as they are done, none of them disturbed."""

import subprocess
import sys
from pathlib import Path

import pytest

from gqa_core.commands.cli import main
from gqa_core.commands.files import IO_EXIT_CODE
from gqa_core.runner.events import Note
from gqa_core.sample_runs import measure, plan
from gqa_core.sample_runs.plan import quick_plan
from gqa_core.sample_runs.reader import read_sample_file
from tests.records.fake_records import record

ROOT = Path(__file__).parents[2]
PART = quick_plan()[0]


@pytest.fixture
def measured(monkeypatch):
    """Each part of a plan of one gives the records of its specs; `doubts` are what stays."""
    calls, doubts = [], []
    monkeypatch.setattr(plan, "sample_plan", lambda: [PART])
    monkeypatch.setattr(plan, "quick_plan", lambda: [PART])

    def measure_part(part, *, device, on_event, max_tries):
        calls.append((part.name, device, max_tries))
        on_event(Note(text="a note"))
        records = [record(i, spec=spec, kernel_ran="packed") for i, spec in enumerate(part.specs)]
        return records[:1], list(doubts)

    monkeypatch.setattr(measure, "measure_part", measure_part)
    measure_part.calls, measure_part.doubts = calls, doubts
    return measure_part


def test_parts_are_written_and_progress_is_reported(measured, tmp_path, capsys):
    out = tmp_path / "cpu.jsonl.gz"
    assert main(["sample-runs", "--out", str(out), "--device", "cpu"]) == 0
    assert len(read_sample_file(out)) == 1
    assert measured.calls == [(PART.name, "cpu", measure.MAX_TRIES)]
    assert capsys.readouterr().err == f"{PART.name}: a note\n"


def test_a_disturbed_part_is_named_not_written_and_an_error(measured, tmp_path, capsys):
    measured.doubts.append("MHA: half of the samples")
    out = tmp_path / "cpu.jsonl.gz"
    assert main(["sample-runs", "--out", str(out)]) == 1
    assert not out.exists()
    _, disturbed, error = capsys.readouterr().err.splitlines()
    assert disturbed == f"{PART.name}, disturbed: MHA: half of the samples"
    assert error == "1 part stays disturbed and is not written: run again on a quiet machine"


def test_a_quick_run_measures_once_and_keeps_what_is_disturbed(measured, tmp_path):
    measured.doubts.append("MHA: half of the samples")
    out = tmp_path / "cpu.jsonl.gz"
    assert main(["sample-runs", "--out", str(out), "--quick"]) == 0
    assert measured.calls == [(PART.name, "auto", 1)]
    assert len(read_sample_file(out)) == 1


def test_a_part_that_the_file_holds_is_not_measured_again(measured, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure, "is_measured", lambda part, records: len(records) > 0)
    out = tmp_path / "cpu.jsonl.gz"
    for _ in range(2):
        assert main(["sample-runs", "--out", str(out)]) == 0
    assert len(measured.calls) == 1
    assert capsys.readouterr().err.endswith(f"{PART.name}: in {out} already\n")


def test_a_name_without_the_suffix_is_refused(tmp_path, capsys):
    assert main(["sample-runs", "--out", str(tmp_path / "cpu.jsonl")]) == 2
    assert capsys.readouterr().err == "out must end in .jsonl.gz: got cpu.jsonl\n"


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(
    measured, tmp_path, capsys
):
    folder = tmp_path / "folder.jsonl.gz"
    folder.mkdir()
    for out in (tmp_path / "missing" / "cpu.jsonl.gz", folder):
        assert main(["sample-runs", "--out", str(out)]) == IO_EXIT_CODE
        assert capsys.readouterr().err.startswith(f"out {out} cannot be written: ")
    assert measured.calls == []


@pytest.mark.slow
def test_a_quick_run_measures_every_kind(tmp_path):
    out = tmp_path / "cpu.jsonl.gz"
    command = [sys.executable, "-m", "tests.brief_runs", "sample-runs", "--quick", "--out", out]
    subprocess.run(command, cwd=ROOT, check=True)
    kinds = [each.kind for each in read_sample_file(out)]
    assert kinds == [*["decode"] * 4, *["generate"] * 2, *["growth"] * 3, "verify"]
