"""The line about the device: shown without a wait while another run is measured."""

import json
import sys
import time

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shell import loaders
from dashboard.shell.job_queue import JobQueue

ANSWER = {
    "type": "cpu",
    "name": "A <b>CPU",
    "n_threads": 2,
    "torch_version": "2.13.0",
    "free_bytes": 2**33,
}
GPUS = {
    name: ANSWER
    | {
        "type": "cuda",
        "name": "GPU " + name.replace(":", " "),
        "requestable": ["cuda:0", "cuda:1", "cpu"],
    }
    for name in ("auto", "cuda:0", "cuda:1")
} | {"cpu": ANSWER}
CHILD = f"""
import json, os, sys, time
if sys.argv[1] == "device" and os.environ.get("HAS_GPUS"):
    name = sys.argv[4] if "--device" in sys.argv else "auto"
    print(json.dumps({GPUS!r}[name]))
elif sys.argv[1] == "device": print({json.dumps(ANSWER)!r})
elif sys.argv[1] == "inspect-heads": sys.exit("checkpoint cannot be read")
else: time.sleep(60)
"""


@pytest.fixture
def queue(monkeypatch):
    made = JobQueue(command=[sys.executable, "-c", CHILD])
    monkeypatch.setattr(loaders, "job_queue", lambda: made)
    yield made
    made.stop()


def page():
    import streamlit as st

    from dashboard.views.device import show_device

    device = show_device(n_threads=1)
    st.write(f"the rest of the page, for {device.name}")


def run_page():
    import streamlit as st

    from dashboard.shell.links import show_link_errors
    from dashboard.shell.state import restore
    from dashboard.views.device import show_device
    from dashboard.views.run_panel import run_command, show_run

    restore("run_page")
    device = show_device()
    show_link_errors()
    show_run(("bench", "--no-log"), "A run.", 10.0)
    st.code(run_command(("bench",)))
    st.write(f"the rest of the page, for {device.name}")


def start_run(queue):
    run = queue.get(queue.submit(["bench"]))
    while not queue.is_measuring:
        time.sleep(0.01)
    return run


def test_the_device_is_named_with_the_threads_of_the_measurement(queue):
    app = AppTest.from_function(page, default_timeout=30).run()
    assert app.caption[0].value == (
        r"Runs on **A \<b\>CPU** (cpu, 1 thread, torch 2.13.0), one run at a time."
    )
    assert "the rest of the page" in app.markdown[0].value


def test_a_page_behind_a_long_run_says_so_at_once_and_goes_on_when_it_ends(queue):
    run = start_run(queue)
    start = time.monotonic()
    app = AppTest.from_function(page, default_timeout=30).run()
    assert time.monotonic() - start < 10
    assert not app.exception
    assert app.info[0].value.startswith("This machine is measuring.")
    assert not app.markdown
    queue.cancel(run.id)
    while queue.is_measuring:
        time.sleep(0.01)
    app = app.run()
    assert not app.info
    assert "the rest of the page" in app.markdown[0].value


def test_a_device_that_is_known_shows_during_a_run(queue):
    AppTest.from_function(page, default_timeout=30).run()
    start_run(queue)
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.info
    assert app.caption[0].value.startswith("Runs on")


def test_a_device_that_does_not_answer_in_time_is_one_sentence(queue, monkeypatch):
    monkeypatch.setattr(loaders, "DEVICE_TIME_LIMIT_S", 0.01)
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("This machine's device could not be determined: no answer within")


def test_a_machine_with_a_cpu_alone_offers_no_choice_and_checks_the_link(queue):
    app = AppTest.from_function(run_page, default_timeout=30)
    app.query_params["run_device"] = "cuda:1"
    app = app.run()
    assert not app.exception
    assert not app.selectbox
    (error,) = [code.value for code in app.code if "in the link" in code.value]
    assert error == (
        "run_device in the link must be one of this machine's devices (auto, cpu): "
        "got 'cuda:1', auto used"
    )
    assert not [code for code in app.code if "--device" in code.value]


def test_a_machine_with_gpus_offers_them_and_measures_on_the_chosen_one(queue, monkeypatch):
    monkeypatch.setenv("HAS_GPUS", "1")
    app = AppTest.from_function(run_page, default_timeout=30)
    app.query_params["run_device"] = "cuda:1"
    app = app.run()
    assert not app.exception
    assert app.selectbox(key="run_device").options == ["auto", "cuda:0", "cuda:1", "cpu"]
    assert app.caption[0].value.startswith("Runs on **GPU cuda 1** (cuda,")
    assert app.code[0].value == "python -m gqa_core bench --device cuda:1 --out -"
    app.button(key="run_button").click().run()
    (run,) = queue._runs.values()
    assert run.arguments == ("bench", "--no-log", "--device", "cuda:1")
    assert run.device_name == "cuda:1"
    queue.cancel(run.id)
    while queue.is_measuring:
        time.sleep(0.01)
    app.selectbox(key="run_device").set_value("cpu").run()
    assert app.caption[0].value.startswith(r"Runs on **A \<b\>CPU** (cpu,")


def test_a_link_to_a_gpu_that_is_not_here_is_named(queue, monkeypatch):
    monkeypatch.setenv("HAS_GPUS", "1")
    app = AppTest.from_function(run_page, default_timeout=30)
    app.query_params["run_device"] = "cuda:7"
    app = app.run()
    (error,) = [code.value for code in app.code if "in the link" in code.value]
    assert error == "run_device in the link must be one of its options: got 'cuda:7', auto used"
    assert app.caption[0].value.startswith("Runs on **GPU auto**")
