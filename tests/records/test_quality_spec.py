"""Quality specs, the records that answer them, and a point really measured."""

import os
from types import SimpleNamespace

import pytest

from gqa_core.catalog.corpus import python_topics
from gqa_core.commands import cli
from gqa_core.commands import quality as commands
from gqa_core.quality import measure, train
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds.quality import QualityRecord, unanswered_specs
from gqa_core.records.run_log import RunLog
from gqa_core.records.specs.quality import QualitySpec, quality_specs
from gqa_core.records.specs.training import TrainingConfig
from tests.quality import fake_runs as grids
from tests.quality.test_model import TINY, tiny

RUN = RunHeader(run_id="run-1", git_commit=None)


@pytest.fixture
def shipped_tiny(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "load_pretrained", lambda: tiny(4))
    monkeypatch.setattr(
        measure, "training_record", lambda: SimpleNamespace(weights_sha256="f" * 64)
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_grid_has_every_start_with_every_number_of_heads_and_mha_once_a_seed():
    points = quality_specs(
        starts=["mean", "first", "scratch"],
        n_kv_heads=[8, 1],
        seeds=[0, 1],
        percents=[0, 5, 20],
        training_config=TrainingConfig(),
    )
    order = [(point.start, point.n_kv_heads, point.seed, point.percents) for point in points]
    assert order[:2] == [("mean", 8, 0, (0, 5, 20)), ("mean", 8, 1, (0, 5, 20))]
    assert ("first", 8, 0, (0, 5, 20)) not in order
    assert ("scratch", 8, 0, (100,)) in order
    assert len(order) == 4 + 2 + 4


@pytest.mark.slow
@pytest.mark.parametrize("start", ["mean", "scratch"])
def test_a_point_is_measured_and_answers_itself_and_less(shipped_tiny, start):
    percents = (100,) if start == "scratch" else (0, 50, 100)
    point = QualitySpec(start=start, n_kv_heads=2, percents=percents, training_config=TINY)
    measured = measure.measure_quality(point)
    record = QualityRecord.from_measurement(point, measured, RUN, 0)
    assert record.n_steps == tuple(8 * percent // 100 for percent in percents)
    assert len(record.losses) == len(percents)
    again = QualityRecord.from_measurement(point, measure.measure_quality(point), RUN, 0)
    assert again.losses == pytest.approx(record.losses, abs=1e-4)
    less = QualitySpec(start=start, n_kv_heads=2, percents=percents[-1:], training_config=TINY)
    other = QualitySpec(start=start, n_kv_heads=1, percents=percents, training_config=TINY)
    left = unanswered_specs([point, less, other], [record], python_topics().sha256)
    assert left == [other]
    assert unanswered_specs([point], [record], "0" * 64) == [point]  # of another text


@pytest.mark.parametrize("change", ["percents", "checkpoint"])
def test_what_a_killed_point_left_is_not_taken_for_another(shipped_tiny, monkeypatch, change):
    options = {"start": "mean", "n_kv_heads": 2, "training_config": TINY}
    monkeypatch.setattr(train, "SAVE_EVERY", 2)
    losses_until_kill = iter([1.0, 2.0, 3.0])  # the fourth look, at step 6, is a kill
    interrupted = QualitySpec(percents=(0, 25, 50, 75, 100), **options)
    with monkeypatch.context() as killed:
        killed.setattr(measure, "validation_loss", lambda *_: next(losses_until_kill))
        with pytest.raises(StopIteration):
            measure.measure_quality(interrupted)
    percents = (0, 100) if change == "percents" else interrupted.percents
    if change == "checkpoint":
        monkeypatch.setattr(measure, "load_pretrained", lambda: tiny(4, seed=1))
        monkeypatch.setattr(
            measure, "training_record", lambda: SimpleNamespace(weights_sha256="e" * 64)
        )
    losses = measure.measure_quality(QualitySpec(percents=percents, **options)).losses
    assert len(losses) == len(percents)
    assert not set(losses) & {1.0, 2.0, 3.0}


def test_a_conversion_needs_the_shipped_recipe(shipped_tiny):
    with pytest.raises(ValueError, match="training_config must be the pretrained model's"):
        measure.measure_quality(QualitySpec(start="mean", n_kv_heads=2))


@pytest.mark.parametrize("is_here", [True, False])
def test_what_another_machine_measured_is_measured_here_too(tmp_path, monkeypatch, is_here):
    log, specs = RunLog(tmp_path / "runs.sqlite"), []
    records = grids.records()
    if is_here:
        for record in records:
            log.append(record)
    else:
        log.import_records(records)
    monkeypatch.setattr(commands, "run", lambda missing, options: specs.extend(missing) or 0)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")  # and so is left alone
    assert cli.main(["quality", "--seed", "0", "--percent", "0,5", "--log", str(log.path)]) == 0
    assert len(specs) == (0 if is_here else len(records))


def test_threads_that_wait_in_training_leave_the_processor_to_others(tmp_path, monkeypatch):
    policies = []
    monkeypatch.setenv("OMP_WAIT_POLICY", "to be put back")
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setattr(
        commands, "run", lambda *_: policies.append(os.environ["OMP_WAIT_POLICY"]) or 0
    )
    assert cli.main(["quality", "--log", str(tmp_path / "runs.sqlite")]) == 0
    assert policies == ["PASSIVE"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"start": "max", "n_kv_heads": 2}, "start must be one of mean, first, random, scratch"),
        ({"start": "mean", "n_kv_heads": 3}, "n_kv_heads must divide n_heads: got 3 and 8"),
        (
            {"start": "mean", "n_kv_heads": 2, "percents": (5, 0)},
            "percent must be numbers that rise",
        ),
        ({"start": "mean", "n_kv_heads": 2, "percents": (0, 101)}, "percent must be between 0 and"),
        ({"start": "mean", "n_kv_heads": 2, "seed": -1}, "seed must be between 0 and"),
    ],
)
def test_a_bad_question_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        QualitySpec(**options)


def test_what_was_imported_is_still_measured_here(tmp_path, monkeypatch):
    n_specs = []
    monkeypatch.setattr(commands, "run", lambda missing, options: n_specs.append(len(missing)) or 0)
    log = RunLog(tmp_path / "runs.sqlite")
    line = ["quality", "--start=mean", "--seed=0", "--percent=0,5", f"--log={log.path}"]
    log.import_records(grids.records(run_id="elsewhere"))
    assert cli.main([*line, "--n-kv-heads=8,4,2,1"]) == 0
    assert n_specs == [4]
    for record in grids.records(run_id="here"):
        log.append(record)
    assert cli.main([*line, "--n-kv-heads=8,4,2,1"]) == 0
    assert n_specs == [4]  # nothing is left to measure
