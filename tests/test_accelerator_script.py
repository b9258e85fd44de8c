"""The script for a GPU's first minutes: every part at tiny sizes on a CPU, and parts that fail."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.accelerator import __main__ as script
from benchmarks.accelerator.parts import PARTS
from benchmarks.accelerator.session import GRACE_S, Part, Session, run_part
from gqa_core.records.kinds import decode_record
from tests import part_examples

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_whole_script_runs_on_a_cpu_and_leaves_a_report_and_valid_records(tmp_path):
    command = [sys.executable, "-m", "benchmarks.accelerator", "--quick", "--device", "cpu"]
    environment = os.environ | {
        "GQA_RUN_LOG": str(tmp_path / "runs.sqlite"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [*command, "--out", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    page = (tmp_path / "report.txt").read_text()
    assert done.returncode == 0, page + done.stderr
    summary = page.split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in summary] == [part.name for part in PARTS]
    assert all(line.endswith(" s  ok") for line in summary)
    records = [decode_record(line) for line in (tmp_path / "records.jsonl").open()]
    for record in records:
        record.validate()
    assert [record.variant for record in records] == ["MHA", "GQA", "MQA", "MLA"]
    assert not (tmp_path / "runs.sqlite").exists(), "the log is the user's"


def outcome(run, tmp_path, seconds=30.0):
    return run_part(Part("example", seconds, run), Session("cpu", tmp_path, True), seconds)


def test_a_part_that_ends_well_reports_its_lines(tmp_path):
    result = outcome(part_examples.end_well, tmp_path)
    assert result.failure is None
    assert result.lines == ("on cpu, True",)


@pytest.mark.parametrize(
    ("run", "failure"),
    [
        (part_examples.raise_error, "ValueError: a kernel must agree: got none"),
        (part_examples.die, "its process ended with exit code 3"),
    ],
)
def test_a_part_that_fails_is_one_line_and_keeps_what_it_reported(tmp_path, run, failure):
    result = outcome(run, tmp_path)
    assert result.failure == failure
    assert result.lines == ("begun",)
    assert f"FAILED: {failure}\n" in script.report(
        [result, outcome(part_examples.end_well, tmp_path)]
    )


def test_a_part_that_hangs_is_ended_when_its_time_is_over(tmp_path):
    start = time.monotonic()
    result = outcome(part_examples.hang, tmp_path, seconds=6.0)
    assert time.monotonic() - start < 20
    assert result.failure.startswith("ended after 6 s, its time")
    assert result.lines in ((), ("begun",))  # on a busy machine it had not begun


def test_a_part_for_which_no_time_is_left_is_not_begun_and_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "TOTAL_S", 0.0)
    assert script.main(["--out", str(tmp_path), "--device", "cpu"]) == 1
    lines = (tmp_path / "report.txt").read_text().splitlines()[: len(PARTS)]
    assert all(line.endswith("FAILED: not begun: the time of all parts is over") for line in lines)


def test_a_device_that_no_machine_has_is_refused(tmp_path):
    with pytest.raises(ValueError, match="device must be auto, cpu, cuda"):
        script.main(["--out", str(tmp_path), "--device", "tpu"])


def test_all_parts_together_take_under_eight_minutes():
    assert script.TOTAL_S + GRACE_S < 8 * 60
    assert PARTS[0].name == "install"
