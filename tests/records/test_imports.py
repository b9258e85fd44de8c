"""A host removes imported records; what was measured here stays."""

from gqa_core.commands.cli import main
from gqa_core.records.log.imports import ImportedRun, imported_runs, remove_imports
from gqa_core.records.run_log import RunLog
from tests.records import fake_records as samples


def test_imported_runs_are_listed_and_removed_and_own_records_stay(log, capsys):
    own, first, second = (samples.record(run_id=letter * 16) for letter in "abc")
    log.append(own)
    log.import_records([first])
    log.import_records([second])
    name = first.device.name
    assert imported_runs(log) == [ImportedRun("c" * 16, 1, name), ImportedRun("b" * 16, 1, name)]
    assert main(["remove-import", "--log", str(log.path)]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("cccccccccccccccc  1 record  ")
    for run_id, where in (("a" * 16, "measured here and never removed"), ("d" * 16, "not in it")):
        assert main(["remove-import", run_id, "--log", str(log.path)]) == 2
        assert capsys.readouterr().err == (
            f"RUN must have imported records: got '{run_id}', {where}\n"
        )
    assert main(["remove-import", "c" * 16, "--log", str(log.path)]) == 0
    assert "1 record removed" in capsys.readouterr().err
    assert [record.run_id for record in log.records()] == ["a" * 16, "b" * 16]
    assert remove_imports(log, None) == 1
    assert log.records() == [own]


def test_a_missing_log_has_no_imports(tmp_path):
    assert imported_runs(RunLog(tmp_path / "none.sqlite")) == []
