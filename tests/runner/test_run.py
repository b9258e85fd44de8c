"""A run: checked first, measured point by point, out before it is logged, nothing lost."""

import pytest

from gqa_core.configs import GroupedConfig
from gqa_core.records.header import DeviceInfo
from gqa_core.records.log import postgresql
from gqa_core.records.log.errors import RecordSpooledError
from gqa_core.records.run_log import RunLog, RunLogError
from gqa_core.runner import run as run_module
from gqa_core.runner.events import (
    Finished,
    Note,
    NotLogged,
    PointFailed,
    Progress,
    Started,
    decode_event,
    encode_event,
)
from gqa_core.runner.groups import group_specs
from gqa_core.runner.workers import WorkerError
from tests.records.fake_records import measured, point

DEVICE = DeviceInfo(type="cpu", name="A CPU", n_threads=2, torch_version="2.13.0", free_bytes=2**40)


class FakeWorkers:
    """Answers instead of measuring; an exception in `answers` is raised."""

    def __init__(self, answers, free=2**40, compiled=()):
        self.answers = list(answers)
        self.free = free
        self.compiled = compiled
        self.called = []
        self.groups = []

    def __call__(self, preload):
        return self

    def call(self, module, function, *arguments, on_progress=None):
        self.called.append(function)
        if function == "device_info":
            return DeviceInfo(
                type="cpu", name="A CPU", n_threads=2, torch_version="2.13.0", free_bytes=self.free
            )
        if function == "prepare_kernels":
            for text in self.compiled:
                on_progress(text)
            return None
        specs = arguments[0]
        self.groups.append([spec.workload.context_len for spec in specs])
        outcomes = []
        for _ in specs:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            outcomes.append(answer)
        on_progress("4 samples", len(specs))
        return outcomes


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs points with fake workers; what was emitted, said and logged stays on it."""

    def go(points, workers, log=None, **search):
        go.emitted, go.events = [], []
        go.log = log or RunLog(tmp_path / "runs.sqlite")
        monkeypatch.setattr(run_module, "Workers", workers)
        result = run_module.run(
            points,
            device="cpu",
            log=go.log,
            on_record=go.emitted.append,
            on_event=go.events.append,
            **search,
        )
        assert go.events.pop(0) == Started(
            n_points=len(points) + search.get("max_extra", 0),
            device_info=DeviceInfo(
                type="cpu",
                name="A CPU",
                n_threads=2,
                torch_version="2.13.0",
                free_bytes=workers.free,
            ),
        )
        go.sentences = [str(event) for event in go.events]
        assert list(result.records) == go.emitted
        return result

    return go


POINTS = [point(context_len=32), point(context_len=64), point(context_len=128)]


def test_every_record_goes_out_and_into_the_log(run):
    result = run(POINTS, FakeWorkers([measured() for _ in POINTS]))
    assert result.is_complete
    assert [record.point for record in run.emitted] == [0, 1, 2]
    assert len({record.run_id for record in run.emitted}) == 1
    assert run.log.records() == run.emitted
    assert run.sentences[0] == "0 of 3: timing GQA with 2 K/V heads, context 32, float32"
    assert run.sentences[1] == f"1{run.sentences[0][1:]}: 4 samples"
    assert run.sentences[-1] == "3 of 3: done"


def test_what_is_compiled_is_said_before_the_first_point(run):
    workers = FakeWorkers([measured() for _ in POINTS], compiled=["compiling split_kv for float32"])
    assert run(POINTS, workers).is_complete
    assert run.sentences[0] == "0 of 3: compiling split_kv for float32"
    assert run.sentences[1].startswith("0 of 3: timing")
    assert workers.called[:3] == ["device_info", "prepare_kernels", "measure_decode"]


def test_a_point_that_fails_is_named_and_the_rest_go_on(run):
    answers = [measured(), WorkerError("its process was killed by SIGKILL"), measured()]
    result = run(POINTS, FakeWorkers(answers))
    assert (result.n_failed, result.n_not_logged, result.is_complete) == (1, 0, False)
    assert [record.point for record in run.log.records()] == [0, 2]
    sentence = "GQA with 2 K/V heads, context 64, float32: not measured, its process was killed"
    assert any(line.startswith(sentence) for line in run.sentences)


def test_a_run_that_would_not_fit_is_refused_before_anything_is_measured(run):
    workers = FakeWorkers([], free=POINTS[1].required_bytes)
    with pytest.raises(ValueError, match=r"context 128.* it takes .* \(cache .*\) and .* are free"):
        run(POINTS, workers)
    assert workers.called == ["device_info"]
    assert run.emitted == []


def test_a_log_that_cannot_be_written_is_refused_before_anything_is_measured(run):
    workers = FakeWorkers([])
    with pytest.raises(RunLogError, match="cannot be written"):
        run(POINTS, workers, log=RunLog("/proc/runs.sqlite"))
    assert workers.called == []


def test_a_log_that_fails_in_mid_run_loses_no_record(run, monkeypatch, tmp_path):
    log = RunLog(tmp_path / "runs.sqlite")
    append = log.append

    def full_at_the_second(record):
        if record.point == 1:
            raise RunLogError("log x cannot be written: database or disk is full")
        append(record)

    monkeypatch.setattr(log, "append", full_at_the_second)
    result = run(POINTS, FakeWorkers([measured() for _ in POINTS]), log=log)
    assert (result.n_failed, result.n_not_logged, result.is_complete) == (0, 1, False)
    assert [record.point for record in run.emitted] == [0, 1, 2]
    assert [record.point for record in log.records()] == [0, 2]
    sentence = "1 of 3 records were measured but are not in the log: log x cannot be written"
    assert any(line.startswith(sentence) for line in run.sentences)


@pytest.mark.parametrize("comes_back", [True, False])
def test_records_that_wait_for_the_server_are_sent_at_the_end(
    run, monkeypatch, tmp_path, comes_back
):
    log, waiting = RunLog(tmp_path / "runs.sqlite"), []

    def wait(record):
        waiting.append(record)
        raise RecordSpooledError("log x cannot be written: no answer; the record is kept in y")

    def send():
        if not comes_back:
            raise RunLogError("log x cannot be written: no answer")
        return len(waiting)

    monkeypatch.setattr(log, "append", wait)
    monkeypatch.setattr(log, "send_spooled", lambda: send() if waiting else 0)
    result = run(POINTS, FakeWorkers([measured() for _ in POINTS]), log=log)
    assert result.is_complete == comes_back
    spooled = [line for line in run.sentences if "the record is kept in y" in line]
    assert len(spooled) == (not comes_back)


def test_a_server_that_is_away_from_the_start_is_said_and_all_is_measured_and_kept(
    monkeypatch, tmp_path
):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(postgresql, "WRITE_WAITS_S", ())
    monkeypatch.setattr(run_module, "Workers", FakeWorkers([measured() for _ in POINTS]))
    log, events = RunLog("postgresql+psycopg://me@127.0.0.1:1/db"), []
    result = run_module.run(POINTS, device="cpu", log=log, on_event=events.append)
    assert (len(result.records), log.n_spooled, result.n_failed) == (3, 3, 0)
    first, *_, not_logged, last = events
    assert isinstance(first, Note)
    assert "records are kept in" in str(first)
    assert "the record is kept in" in str(not_logged)
    assert last == Finished(n_points=3, n_failed=0, n_not_logged=3)


def test_what_follows_from_the_records_is_measured_in_the_same_run(run):
    contexts = []

    def follow(records):
        contexts.append([record.workload.context_len for record in records])
        return [point(context_len=48)] if len(contexts) == 1 else []

    answers = [measured() for _ in range(4)]
    assert run(POINTS, FakeWorkers(answers), next_specs=follow, max_extra=2).is_complete
    assert contexts == [[32, 64, 128], [32, 64, 128, 48]]
    assert [record.point for record in run.log.records()] == [0, 1, 2, 3]
    assert len({record.run_id for record in run.emitted}) == 1
    assert run.sentences[0].startswith("0 of 5: timing")
    assert run.sentences[6:] == [
        "3 of 5: timing GQA with 2 K/V heads, context 48, float32",
        "4 of 5: timing GQA with 2 K/V heads, context 48, float32: 4 samples",
        "4 of 4: done",
    ]


def test_a_search_that_asks_for_ever_ends_at_its_bound(run):
    failing = [measured() for _ in POINTS] + [WorkerError("its process was killed")] * 9
    workers = FakeWorkers(failing)
    again = [point(context_len=48), point(context_len=49)]
    result = run(POINTS, workers, next_specs=lambda records: again, max_extra=3)
    assert result.n_failed == 3
    assert workers.called == ["device_info", "prepare_kernels"] + ["measure_decode"] * 6
    assert run.sentences[-1] == "6 of 6: done"


LAYERS = [GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=16) for n in (8, 2, 1)]
SAME_CONTEXT = [point(layer, context_len=32) for layer in LAYERS]


def test_the_variants_of_a_context_are_measured_in_one_process(run):
    specs = [*SAME_CONTEXT, point(LAYERS[0], context_len=64), SAME_CONTEXT[0]]
    workers = FakeWorkers([measured() for _ in specs])
    assert run(specs, workers).is_complete
    assert workers.groups == [[32, 32, 32], [64], [32]]  # in their order: neighbours alone
    assert [record.config for record in run.emitted] == [spec.attention for spec in specs]
    assert [record.point for record in run.emitted] == [0, 1, 2, 3, 4]


def test_a_spec_that_fails_in_a_group_leaves_the_others(run):
    workers = FakeWorkers([measured(), "not enough memory", measured()])
    result = run(SAME_CONTEXT, workers)
    assert (result.n_failed, [record.point for record in run.emitted]) == (1, [0, 2])
    assert str(run.events[2]) == (
        "GQA with 2 K/V heads, context 32, float32: not measured, not enough memory"
    )


def test_a_group_whose_process_dies_is_measured_one_by_one(run):
    killed = WorkerError("its process was killed by SIGKILL")
    workers = FakeWorkers([killed, measured(), killed, measured()])
    result = run(SAME_CONTEXT, workers)
    assert workers.groups == [[32, 32, 32], [32], [32], [32]]
    assert (result.n_failed, [record.point for record in run.emitted]) == (1, [0, 2])


def test_a_group_is_no_larger_than_memory():
    required = [spec.required_bytes for spec in SAME_CONTEXT]
    assert group_specs(SAME_CONTEXT, 2**40) == [SAME_CONTEXT]
    first_two = [SAME_CONTEXT[:2], SAME_CONTEXT[2:]]
    assert group_specs(SAME_CONTEXT, sum(required) - 1) == first_two
    assert group_specs(SAME_CONTEXT, max(required)) == [[spec] for spec in SAME_CONTEXT]


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Started(n_points=3, device_info=DEVICE), "0 of 3: starting"),
        (Progress(n_done=1, n_points=3, activity="timing GQA"), "1 of 3: timing GQA"),
        (PointFailed(spec="GQA", reason="it died"), "GQA: not measured, it died"),
        (
            NotLogged(n_records=1, n_points=3, reason="log x cannot be written"),
            "1 of 3 records were measured but are not in the log: log x cannot be written",
        ),
        (Note(text="GQA-2 beats MHA\nfrom 256 tokens on."), "GQA-2 beats MHA\nfrom 256 tokens on."),
        (Finished(n_points=3, n_failed=1, n_not_logged=0), "3 of 3: done"),
    ],
)
def test_an_event_is_one_line_of_json_and_one_sentence(event, sentence):
    line = encode_event(event)
    assert len(line.splitlines()) == 1
    assert decode_event(line) == event
    assert str(event) == sentence


@pytest.mark.parametrize("line", ["", "1 of 3: timing", "{}", '{"event": "dream"}', "[1]"])
def test_a_line_that_is_no_event_is_refused(line):
    with pytest.raises(ValueError, match=r"JSON|truncated|event|object"):
        decode_event(line)
