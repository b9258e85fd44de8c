"""Pages at a first visit: a sample run is shown until this machine has measured."""

import json
import sys

import pytest
from msgspec import structs

from dashboard.shell import loaders
from dashboard.shell.job_queue import JobQueue
from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.records.header import Device
from gqa_core.sample_runs.reader import write_sample_file
from tests.dashboard.example_settings import DEVICE_INFO
from tests.dashboard.page_probe import answer, metrics
from tests.records import fake_comparisons as comparisons
from tests.records import fake_records as samples

SETTINGS = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 32, "context_len": 512}
LAYERS = [GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=32) for n in (8, 2, 1)]
ELSEWHERE = Device(type="cpu", name="A quiet CPU", n_threads=8)


def records(run_id, attend_s, device, contexts=(64, 128, 256, 512)):
    """A small search: MHA, GQA, MQA and absorbed MLA, each faster than the one before."""
    specs = [
        samples.point(layer, context_len=context_len, kernel=kernel)
        for context_len in contexts
        for layer, kernel in (
            *((layer, "auto") for layer in LAYERS),
            (default_mla_for(8, 32), "absorbed"),
        )
    ]
    return [
        samples.record(
            index=index,
            run_id=run_id,
            spec=spec,
            device=device,
            attend=[attend_s / (1 + index % 4)] * 3,
            step=0.003 + attend_s / (1 + index % 4),
            **({"kernel_ran": "absorbed"} if spec.kernel == "absorbed" else {}),
        )
        for index, spec in enumerate(specs)
    ]


@pytest.fixture(autouse=True)
def sample_run(sample_folder, monkeypatch):
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda name="auto": DEVICE_INFO)
    verified = [
        structs.replace(comparisons.record(name, index=50 + index), device=ELSEWHERE)
        for index, name in enumerate(("gqa_is_mha", "kernel_eager"))
    ]
    path = sample_folder / "cpu.jsonl.gz"
    write_sample_file(path, [*records("sample", 0.008, ELSEWHERE), *verified])
    return path


def plain(app):
    return (answer(app) or "").replace("\\", "")


def symbols(app):
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    return [
        trace["marker"]["symbol"]
        for trace in figure["data"]
        if trace["mode"] == "markers" and trace.get("showlegend") is False
    ]


def captions(app):
    return " ".join(caption.value for caption in app.caption).replace("\\", "")


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        ("Time", "Attending over 512 tokens takes 8 ms with MHA; GQA is 2x as fast, MQA 3x and"),
        ("Faster from", "A whole step is faster than MHA's with GQA-2, MQA and MLA absorbed at"),
        ("Bound", "On A quiet CPU (8 threads), memory bounds MHA and GQA"),
    ],
)
def test_each_view_of_decode_shows_the_sample_run_and_names_its_machine(opened, view, sentence):
    app = opened("decode", view=view, **SETTINGS)
    assert not app.exception
    assert plain(app).startswith(sentence)
    assert plain(app).endswith("Sample run, measured elsewhere: A quiet CPU (8 threads).")
    assert "violet-badge[measured elsewhere]" in captions(app)
    assert symbols(app)
    assert all(symbol.endswith("-open-dot") for symbol in symbols(app))
    assert not app.info


def test_own_rows_take_the_place_of_the_sample_and_both_can_be_compared(opened, log):
    for record in records("own", 0.016, DEVICE_INFO.device):
        log.append(record)
    app = opened("decode", **SETTINGS)
    assert metrics(app)["MHA"] == "16 ms"
    assert plain(app).endswith("Measured here: A CPU (2 threads).")
    assert symbols(app) == ["circle", "square", "diamond", "triangle-up"]
    app = app.segmented_control(key="shown").set_value("both").run()
    assert metrics(app)["MHA"] == "16 ms"
    assert symbols(app)[:2] == ["circle-open-dot", "circle"]
    app = app.segmented_control(key="shown").set_value("sample run").run()
    assert metrics(app)["MHA"] == "8 ms"
    assert plain(app).endswith("Sample run, measured elsewhere: A quiet CPU (8 threads).")


@pytest.mark.parametrize("view", ["Time", "Faster from"])
def test_settings_that_nobody_measured_are_predicted_from_the_sample_s_rates(opened, view):
    app = opened("decode", view=view, **SETTINGS | {"head_dim": 64, "n_kv_heads": 4})
    assert not app.exception
    assert plain(app).startswith("Predicted, not measured: ")
    assert plain(app).endswith("From the rates of A quiet CPU (8 threads), measured elsewhere.")
    assert "with the rates of A quiet CPU (8 threads), measured elsewhere." in captions(app)
    assert len(metrics(app)) >= 3
    assert symbols(app) == []
    assert not app.info


@pytest.mark.parametrize("view", ["Time", "Faster from", "Bound"])
def test_without_samples_an_empty_log_is_said_and_the_axes_stand(opened, sample_run, view):
    sample_run.unlink()
    loaders._samples.clear()
    loaders._sample_rows.clear()
    app = opened("decode", view=view, **SETTINGS)
    assert not app.exception
    assert len(app.get("plotly_chart")) == 1
    assert symbols(app) == []
    if view == "Bound":  # published roofs need no measurement
        assert plain(app).endswith(
            "How near this device comes to its own roof is not measured yet."
        )
    else:
        assert "Nothing is measured here" in app.info[0].value
        assert "no sample runs can be shown" in app.info[0].value


@pytest.mark.parametrize("name", ["decode", "runs", "equivalence", "why_cache", "choose"])
def test_a_damaged_file_is_one_warning_and_the_page_stands_as_without_samples(
    opened, sample_run, name
):
    sample_run.write_bytes(b"hello\n")
    loaders._samples.clear()
    loaders._sample_rows.clear()
    app = opened(name)
    assert not app.exception
    (warning,) = [each.value for each in app.warning]
    text = warning.replace("\\", "")
    assert text.startswith("Sample runs must be records of this version: cpu.jsonl.gz cannot be")
    assert "measure again with python -m gqa_core sample-runs" in text
    if name in ("decode", "runs", "equivalence"):
        assert "no sample runs can be shown" in app.info[0].value
    else:
        assert answer(app)


def test_comparisons_of_the_sample_stand_in_and_say_so_where_sizes_differ(opened, log):
    app = opened("equivalence", **SETTINGS)
    assert plain(app) == (
        "Not compared with these settings. It is the same attention where K/V heads are copies: "
        "all 2 comparisons pass. Of 8 heads on 2 K/V heads, width 16, 64 tokens, float32. "
        "Sample run, measured elsewhere: A quiet CPU (8 threads)."
    )
    assert metrics(app)["Comparisons that pass"] == "2 of 2"
    own = comparisons.record("kernel_sdpa", run_id="own")
    workload = structs.replace(own.workload, context_len=512)
    config = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=32)
    log.append(structs.replace(own, workload=workload, config=config))
    app = opened("equivalence", **SETTINGS)
    assert plain(app) == (
        "It is the same attention where K/V heads are copies: the comparison passes. "
        "Measured here: A CPU (2 threads)."
    )


def test_a_visitor_without_records_is_not_told_that_the_log_is_empty(opened, log, set_limits):
    set_limits(visible_records="session")
    log.append(records("of another visitor", 0.016, DEVICE_INFO.device)[0])
    app = opened("runs")
    assert plain(app).startswith("You have no records in this session: these are the sample runs.")
    assert [each for each in app.caption if "seen by you alone" in each.value]
    set_limits(visible_records="shipped")
    start = "Only shipped records are shown here: these are the sample runs."
    assert plain(opened("runs")).startswith(start)


def test_a_log_that_cannot_be_read_is_not_called_empty(opened, log):
    log.path.mkdir()
    app = opened("runs")
    assert app.warning[0].value.replace("\\", "").startswith("The run log cannot be read: ")
    assert "empty" not in plain(app)
    assert metrics(app)["Records"] == "18"


def test_runs_shows_the_sample_where_the_log_is_empty_else_by_a_switch(opened, log):
    app = opened("runs")
    assert not app.exception
    assert plain(app).startswith("The log is empty: these are the sample runs.")
    assert metrics(app)["Records"] == "18"
    assert len(app.get("plotly_chart")) == 1
    assert not [each for each in app.caption if "seen by you alone" in each.value]
    log.append(records("own", 0.016, DEVICE_INFO.device)[0])
    app = opened("runs")
    assert metrics(app)["Records"] == "1"
    app = app.toggle(key="with_samples").set_value(True).run()
    assert (metrics(app)["Records"], metrics(app)["Measured elsewhere"]) == ("19", "18")


@pytest.fixture
def slow_queue(monkeypatch):
    """A queue whose runs last, and never report."""
    queue = JobQueue(command=[sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(loaders, "job_queue", lambda: queue)
    yield queue
    queue.stop()


@pytest.mark.usefixtures("slow_queue")
@pytest.mark.parametrize("has_samples", [True, False])
def test_while_a_run_goes_on_the_page_says_what_it_does_and_nothing_is_called_missing(
    opened, sample_run, has_samples
):
    if not has_samples:
        sample_run.unlink()
    app = opened("decode", **SETTINGS)
    assert bool(app.info) != has_samples  # nothing is measured yet, says one
    assert app.button(key="run_button").label == "Run here, about 40 s"
    app = app.button(key="run_button").click().run()
    assert not app.exception
    assert not app.info
    assert [
        button.key for button in app.button if button.key in ("run_button", "cancel_button")
    ] == ["cancel_button"]
    assert bool(answer(app)) == has_samples
    app = app.button(key="cancel_button").click().run()
    assert app.button(key="run_button").label == "Run here, about 40 s"


def test_nothing_of_a_sample_is_written_to_the_log(opened, log):
    opened("decode", **SETTINGS)
    opened("runs")
    assert log.records() == []
