"""Every page driven without a browser: its widgets by key, its numbers, its sentences."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shell import loaders
from dashboard.shell.job_queue import JobQueue
from dashboard.views.generation import NOTHING_MEASURED
from gqa_core.configs import GroupedConfig
from gqa_core.records.specs.growth import POLICIES
from tests.dashboard.example_settings import DEVICE_INFO
from tests.dashboard.page_probe import (
    answer,
    lazy_expander,
    metrics,
    slider,
    small_tables,
    values,
)
from tests.records import fake_records as samples

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
RUN_S = 300  # for a whole run, on a machine that has other work too
NO_SLIDERS = {"runs"}  # pages about what is kept, not about a geometry
SLIDERS = {"n_heads", "n_kv_heads", "head_dim", "context_len", "batch_size"}
OWN_SLIDERS = {
    "choose": (SLIDERS - {"batch_size"}) | {"n_gpus"},
    "quality": {"quality_percent", "quality_seed"},
    "why_cache": {"why_n_heads", "why_head_dim", "why_n_layers", "why_context_len"},
}


def until_done(app):
    """The page after its run; meanwhile it is not drawn, which would take the run's cores."""
    run = loaders.job_queue().get(app.query_params["run"])
    deadline = time.monotonic() + RUN_S
    while run.is_active:
        assert time.monotonic() < deadline, run.messages
        time.sleep(0.1)
    app.run()
    assert any("Done" in element.value for element in app.success), run.messages
    return app


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_with_its_sliders_and_no_error(opened, name):
    app = opened(name)
    assert not app.exception
    own = OWN_SLIDERS.get(name, SLIDERS)
    assert name in NO_SLIDERS or {*values(app)} >= own
    assert app.title[0].value


def ends(widget):
    """The largest and the smallest value of a slider or a number input."""
    if hasattr(widget, "options"):
        return widget.options[-1], widget.options[0]
    return widget.max, widget.min


@pytest.mark.parametrize("name", sorted({*PAGES} - NO_SLIDERS))
def test_every_slider_can_go_to_both_ends(opened, name):
    app = opened(name)
    for key in sorted(OWN_SLIDERS.get(name, SLIDERS)):
        for end in ends(slider(app, key)):
            app = slider(app, key).set_value(end).run()
            assert not app.exception, key


def test_k_v_heads_offers_divisors_only(opened):
    app = opened("overview", n_heads=24, n_kv_heads=8)
    assert [int(o) for o in slider(app, "n_kv_heads").options] == [1, 2, 3, 4, 6, 8, 12, 24]
    app = slider(app, "n_heads").set_value(20).run()
    assert slider(app, "n_kv_heads").value == 10


def test_the_lecture_s_numbers_show_on_the_overview(opened):
    app = opened("overview", n_heads=128, n_layers=61, context_len=100000)
    assert metrics(app) == {
        "MHA cache": "400 GB",
        "GQA cache": "25 GB",
        "MQA cache": "3.12 GB",
        "MLA cache": "7.03 GB",
    }


@pytest.mark.parametrize(("n_kv_heads", "same"), [(32, "is MHA"), (1, "is MQA")])
def test_equal_rows_merge_and_say_so(opened, n_kv_heads, same):
    app = opened("overview", n_kv_heads=n_kv_heads)
    assert any(same in info.value for info in app.info)
    assert len(metrics(app)) == 3


@pytest.mark.parametrize("name", ["decode", "equivalence"])
def test_an_example_sets_the_heads_of_a_measurement_and_nothing_else(opened, name):
    workload = {"context_len": 512, "batch_size": 2}
    app = opened(name, n_heads=4, n_kv_heads=4, head_dim=32, **workload)
    assert any("is MHA" in info.value for info in app.info)
    assert app.selectbox(key="model").value == "Custom, from Llama 3 8B"
    app = app.selectbox(key="model").set_value("Llama 3 70B").run()
    assert not app.exception
    shown = values(app)
    heads = {"n_heads": 64, "n_kv_heads": 8, "head_dim": 128}
    assert shown.items() >= (heads | workload).items()
    assert shown.get("measured_layers", 1) == 1
    assert app.selectbox(key="model").value == "Llama 3 70B"


def test_what_the_log_holds_shows_without_running(opened, log, monkeypatch):
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda: DEVICE_INFO)
    settings = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 32, "context_len": 512}
    assert "Nothing is measured" in opened("decode", **settings).info[0].value
    attention = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=32)
    log.append(samples.record(spec=samples.point(attention, context_len=512)))
    app = opened("decode", **settings)
    assert not app.exception
    assert metrics(app) == {"GQA": "2 ms"}
    assert not app.dataframe
    assert answer(app).replace("\\", "") == (
        "Attending over 512 tokens takes 2 ms with GQA. Measured here: A CPU (2 threads)."
    )
    (table,) = small_tables(lazy_expander(app, "attend"))
    assert table == [
        {
            "Variant": "GQA",
            "Attend at 512 (ms)": "2.000",
            "Step p95 at 512 (ms)": "10.000",
            "Step p99 at 512 (ms)": "10.000",
            "Speed vs MHA at 512": "-",
            "Share of the bound at 512 (%)": "25%",
            "Verdict at 512": "quiet",
        }
    ]
    assert lazy_expander(app, "performance").dataframe[0].value["Attend (ms)"].tolist() == [2.0]


def test_the_roofline_shows_labels_without_a_record_and_points_with_one(opened, log, monkeypatch):
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda: DEVICE_INFO)
    settings = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 32, "context_len": 512}
    app = opened("decode", view="Bound", **settings)
    assert answer(app).startswith("By the label of an NVIDIA L4")
    assert not metrics(app)
    attention = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=32)
    log.append(samples.record(spec=samples.point(attention, context_len=128)))
    log.append(samples.record(spec=samples.point(attention, context_len=512), run_id="run-2"))
    log.append(samples.record(spec=samples.point(context_len=512, dtype="float16"), run_id="3"))
    app = opened("decode", view="Bound", **settings)
    assert not app.exception
    assert metrics(app) == {
        "Read bandwidth": "0.0 GB/s",
        "Arithmetic rate": "131 MFLOP/s",
        "Ridge point": "4 FLOP/B",
        "Share of the bound": "25%",
    }
    assert not app.dataframe
    app = lazy_expander(app, "points")
    assert app.dataframe[0].value["Context"].tolist() == [128, 512]
    assert answer(app).startswith(r"On this device\, memory bounds MHA and GQA")
    app = app.multiselect(key="roofs").set_value([]).run()
    assert not app.exception
    assert app.dataframe[0].value["Dtype"].tolist() == ["float32"] * 2


@pytest.fixture
def brief_runs(monkeypatch):
    """Runs from pages take the least samples per point."""
    queue = JobQueue(command=[sys.executable, "-m", "tests.brief_runs"])
    monkeypatch.setattr(loaders, "job_queue", lambda: queue)


@pytest.mark.slow
@pytest.mark.usefixtures("brief_runs")
def test_a_run_from_the_page_fills_the_table(opened, log):
    settings = {"n_heads": 2, "n_kv_heads": 1, "head_dim": 32, "context_len": 512}
    app = opened("decode", **settings)
    app.button(key="run_button").click().run()
    app = until_done(app)
    assert "12 of 12 points were measured and are in the log" in app.success[0].value
    texts = [answer(app) or "", *(element.value for element in app.warning)]
    first_words = ("Attending over 512 tokens ", "**No times at 512 tokens.** The samples are ")
    assert [text for text in texts if text.startswith(first_words)]
    variants = [row["Variant"] for row in small_tables(lazy_expander(app, "attend"))[0]]
    assert variants == ["MHA", "MQA", "MLA absorbed", "MLA naive"]
    assert len(log.records()) == 12


@pytest.mark.parametrize(("old", "view"), [("crossover", "Faster from"), ("roofline", "Bound")])
def test_an_old_address_leads_to_the_view_of_decode_with_its_settings(opened, old, view):
    app = opened(old, n_heads=24, n_kv_heads=6)
    assert not app.exception
    assert app.title[0].value == "How long one decode step takes"
    assert app.segmented_control(key="view").value == view
    assert values(app).items() >= {"n_heads": 24, "n_kv_heads": 6}.items()


@pytest.mark.usefixtures("log")
def test_an_old_address_keeps_all_values_of_a_parameter():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["roofs"] = ["NVIDIA L4", "AMD MI355X"]
    app = app.switch_page("pages/roofline.py").run()
    assert app.multiselect(key="roofs").value == ["NVIDIA L4", "AMD MI355X"]


def test_a_search_in_the_log_shows_its_crossovers_and_an_answer(opened, log, monkeypatch):
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda: DEVICE_INFO)
    settings = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 32, "context_len": 512}
    app = opened("decode", view="Faster from", **settings)
    assert "Nothing is measured" in app.info[0].value
    assert answer(app) is None
    for context_len in (64, 128, 256, 512):
        for n_kv_heads, token_s in ((8, 8e-6), (2, 9e-6 if context_len < 256 else 2e-6)):
            layer = GroupedConfig(n_heads=8, n_kv_heads=n_kv_heads, head_dim=32)
            attend = token_s * context_len
            log.append(
                samples.record(
                    index=context_len + n_kv_heads,
                    spec=samples.point(layer, context_len=context_len),
                    attend=[attend] * 3,
                    step=0.003 + attend,
                )
            )
    app = opened("decode", view="Faster from", **settings)
    assert not app.exception
    assert metrics(app) == {"GQA-2": "from 256 tokens"}
    assert "A whole step is faster than MHA" in answer(app)
    assert not app.dataframe
    assert len(lazy_expander(app, "crossover").dataframe[0].value) == 8
    assert len(lazy_expander(app, "phases").get("plotly_chart")) == 2
    longer = settings | {"context_len": 1024}
    nearer = opened("decode", view="Faster from", **longer)
    assert metrics(nearer) == {"GQA-2": "from 256 tokens"}


def test_run_on_the_page_of_crossovers_starts_a_search_and_cancel_ends_it(opened, log):
    settings = {"n_heads": 2, "n_kv_heads": 1, "head_dim": 32, "context_len": 512}
    app = opened("decode", view="Faster from", **settings)
    app = app.button(key="run_button").click().run()
    job = loaders.job_queue().get(app.query_params["run"])
    assert job.arguments[0] == "crossover"
    assert "--max-context-len 512" in " ".join(job.arguments)
    app = app.button(key="cancel_button").click().run()
    assert not app.exception
    assert job.state == "cancelled"


@pytest.mark.slow
@pytest.mark.usefixtures("brief_runs")
def test_the_equivalence_page_passes_and_catches_what_is_planted(opened):
    settings = {"n_heads": 4, "n_kv_heads": 2, "head_dim": 32, "context_len": 512}
    app = opened("equivalence", **settings)
    assert "Nothing is compared" in app.info[0].value
    for planted, verdict in (
        (False, "all 15 comparisons pass"),
        (True, "another attention: 11 of 15 comparisons fail"),
    ):
        app = app.toggle(key="planted").set_value(planted).run()
        app.button(key="run_button").click().run()
        app = until_done(app)
        assert verdict in answer(app).replace("\\", "")
    app = lazy_expander(app, "comparisons")
    results = app.dataframe[0].value.set_index("Comparison")["Result"]
    assert results["kernel eager against float64"] == "FAIL"
    assert results["GQA with n_kv_heads = n_heads against MHA"] == "pass"


@pytest.mark.slow
def test_why_a_cache_is_measured_from_the_page_and_answered(opened, log):
    settings = {"why_n_heads": 1, "why_head_dim": 32, "why_n_layers": 1, "why_context_len": 128}
    app = opened("why_cache", **settings)
    assert [info.value for info in app.info] == [NOTHING_MEASURED]
    assert any("1 thread," in caption.value for caption in app.caption)  # of this measurement
    app.button(key="run_button").click().run()
    app = until_done(app)
    assert not app.exception
    assert "5 of 5 points were measured and are in the log" in app.success[0].value
    assert len(log.records()) == 5
    again = opened("why_cache", **settings)  # what the log holds shows without running
    (growth,) = (frame.value for frame in again.dataframe)
    assert [policy.split(",")[0] for policy in growth["Policy"]] == list(POLICIES)
    # 128 tokens x (K and V) x 1 head x 32 x 4 B
    assert metrics(again)["The price"] == "32.77 kB"
    exponents = lazy_expander(again, "generation").dataframe[0].value
    assert exponents["Step exponent, theory"].tolist() == ["1", "2", "0", "1"]


def test_a_log_that_is_no_database_is_said(opened, log):
    log.path.write_text("not a database at all, but long enough to be read as one " * 4)
    app = opened("decode")
    assert not app.exception
    notice = app.warning[0].value.replace("\\", "")
    assert (
        "The file of the run log was something else and was set aside whole as runs.sqlite."
        in notice
    )
    assert str(log.path.parent) not in notice
    (copy,) = log.path.parent.glob("runs.sqlite.foreign-*")
    assert copy.read_text().startswith("not a database")


def test_nonsense_in_the_url_falls_back_to_what_is_allowed(opened):
    app = opened("overview", n_heads="many", n_kv_heads="-3", context_len="1e9", dtype="<b>")
    assert not app.exception
    assert slider(app, "n_heads").value == 32


def test_no_page_brings_torch_into_the_web_process():
    code = """
import sys
from streamlit.testing.v1 import AppTest
for page in sys.argv[1:]:
    app = AppTest.from_file("app.py", default_timeout=60)
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, page
    assert app.title, page
assert "streamlit" in sys.modules
print(sorted(name for name in sys.modules if name == "torch" or name.startswith("torch.")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *PAGES], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr[-2000:]
