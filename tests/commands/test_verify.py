"""verify: its verdict, and its exit code if a comparison fails."""

import sys

import pytest

from gqa_core.commands.cli import main
from gqa_core.runner.run import RunResult
from tests.records.fake_comparisons import record

MODULE = "gqa_core.commands.verify"
GEOMETRY = {"n-heads": 8, "n-kv-heads": 2, "head-dim": 64, "context-len": 128}
ARGUMENTS = ["verify", *(f"--{name}={number}" for name, number in GEOMETRY.items())]


@pytest.mark.parametrize(
    ("n_failing", "flags", "exit_code", "verdict"),
    [
        (0, [], 0, "3 of 3 comparisons pass\n"),
        (2, [], 1, "1 of 3 comparisons pass\n"),
        (2, ["--plant-errors"], 0, "1 of 3 comparisons pass, with an error planted\n"),
    ],
)
def test_a_failed_comparison_is_counted_and_fails_unless_an_error_was_planted(
    monkeypatch, capsys, n_failing, flags, exit_code, verdict
):
    def measured(specs, options, *, on_result):
        records = tuple(record(relative_error=0.5 if i < n_failing else 1e-7) for i in range(3))
        on_result(RunResult(records=records, n_failed=0, n_not_logged=0))
        return 0

    monkeypatch.setattr(sys.modules[MODULE], "run", measured)
    assert main([*ARGUMENTS, *flags]) == exit_code
    assert capsys.readouterr().err == verdict
