"""The page Why a cache: counted at once, then measured, and no disturbed time in the answer."""

import json

import pytest
from msgspec.structs import replace

from dashboard.settings.measurement import GenerationSettings
from dashboard.shell.job_queue import JobQueue
from dashboard.views.generation import NOTHING_MEASURED
from gqa_core.sample_runs.reader import write_sample_file
from tests.dashboard.data.test_generation import records_for, with_last_samples
from tests.dashboard.example_settings import DEVICE_INFO
from tests.dashboard.page_probe import answer, lazy_expander, metrics

SETTINGS = GenerationSettings(n_heads=2, head_dim=32, n_layers=2, context_len=128)
LINK = {"why_n_heads": 2, "why_head_dim": 32, "why_n_layers": 2, "why_context_len": 128}
COUNTED = "**128 score cells with a cache** and **8,256 without**, 64.5x as many"


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """The machine is the one of the fake records."""
    monkeypatch.setattr(JobQueue, "known_device", lambda queue, name: DEVICE_INFO)


def append_all(log, records):
    for record in records:
        log.append(record)


def figures(app):
    return {
        chart.proto.id.rsplit("-", 1)[-1]: json.loads(chart.proto.spec)
        for chart in app.get("plotly_chart")
    }


def n_markers(app):
    return sum(trace["mode"] == "markers" for trace in figures(app)["cached_work"]["data"])


def test_an_empty_log_without_samples_shows_the_shapes_by_formula(opened):
    app = opened("why_cache", **LINK)
    assert not app.exception
    assert COUNTED in answer(app)
    assert "easured" not in answer(app)
    assert metrics(app)["All 128 steps"] == "43.3x"  # (128 + 2) / 3
    # 2 x 2 heads x 32 x 2 layers x 4 B x 128 tokens
    assert metrics(app)["The price"] == "131.07 kB"
    assert [*figures(app)] == ["cached_work", "score_cells"]
    assert n_markers(app) == 0
    assert NOTHING_MEASURED in [info.value for info in app.info]


def test_own_times_are_drawn_over_the_formula_and_join_the_answer(opened, log):
    append_all(log, records_for(SETTINGS))
    app = opened("why_cache", **LINK)
    assert COUNTED in answer(app)
    # 128 us attending with the cache, 128^2 us without, and three more phases, summed over n
    assert "Measured here: 128 tokens took 16.8 ms with the cache and 2.11 s without" in answer(app)
    assert n_markers(app) == 2
    assert "append_vs_tokens" in figures(app)
    app = lazy_expander(app, "generation")
    assert {"step_vs_tokens", "total_vs_tokens"} <= {*figures(app)}
    assert app.dataframe[0].value["Step exponent, theory"].tolist() == ["1", "2", "0", "1"]


def test_disturbed_times_leave_the_answer_to_the_formula(opened, log):
    cached, *remaining = records_for(SETTINGS)
    slow = with_last_samples(cached, "attend", (1e-4, 5e-4, 5e-4))
    append_all(log, [slow, *remaining])
    app = opened("why_cache", **LINK)
    assert COUNTED in answer(app)
    assert "easured" not in answer(app)
    assert n_markers(app) == 0
    assert any("Other work disturbed this run" in warning.value for warning in app.warning)


def test_sample_runs_stand_in_until_this_machine_has_its_own(opened, log, sample_folder):
    elsewhere = [replace(record, run_id="elsewhere") for record in records_for(SETTINGS)]
    write_sample_file(sample_folder / "cpu.jsonl.gz", elsewhere)
    app = opened("why_cache", **LINK)
    assert "Measured elsewhere: 128 tokens took" in answer(app)
    symbols = [
        trace["marker"]["symbol"]
        for trace in figures(app)["cached_work"]["data"]
        if trace["mode"] == "markers"
    ]
    assert symbols == ["circle-open-dot", "square-open-dot"]
    assert figures(app)["append_vs_tokens"]["data"][0]["marker"]["symbol"].endswith("-open-dot")
    assert any("seconds, on A CPU" in caption.value for caption in app.caption)
    append_all(log, records_for(SETTINGS))
    assert "Measured here: 128 tokens took" in answer(app.run())
