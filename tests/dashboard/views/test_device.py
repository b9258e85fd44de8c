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
CHILD = f"""
import sys, time
if sys.argv[1] == "device": print({json.dumps(ANSWER)!r})
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
