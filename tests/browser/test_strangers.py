"""Two visitors of a hosted server in two browsers: neither cancels, sees, floods or spoils."""

import re
import time

import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until, wait_until_settled
from gqa_core.records.kinds import encode_record
from gqa_core.records.run_log import RunLog
from tests.browser.conftest import metrics, running_server
from tests.browser.test_measuring import LONG, SMALL, alert_with, children, press_run
from tests.records import fake_records as samples
from tests.scale import NIGHTLY

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(
        not NIGHTLY, reason="waits until runs of closed tabs are ended: GQA_NIGHTLY"
    ),
]

SETTINGS = {
    "GQA_HOSTED": "1",
    "GQA_RUN_BYTES": "4GB",
    "GQA_CLOSED_WAITING_SECONDS": "5",
    "GQA_CLOSED_RUNNING_SECONDS": "8",
}


@pytest.fixture
def hosted(chromium, tmp_path, monkeypatch):
    """The address of a server with strict limits, which soon ends runs of closed tabs; its log."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "runs.sqlite"
    with running_server(path) as address:
        yield address, RunLog(path)


def own_run(page):
    """The id of a run in the address of a page, which is unguessable: 128 bits."""
    page.wait_for_url(re.compile(r"[?&]run=[\w-]{22}"))
    return re.search(r"[?&]run=([\w-]+)", page.url)[1]


def test_a_visitor_cannot_cancel_see_flood_or_spoil_another_s(visit, hosted):
    address, log = hosted
    ada = visit(LONG, address=address)
    press_run(ada)
    expect(ada.get_by_test_id("stProgress")).to_be_visible()
    run_id = own_run(ada)
    ada.get_by_role("button", name="Share").click()
    shared = ada.get_by_test_id("stCode").filter(has_text="http")
    expect(shared).to_contain_text("context_len=32768")
    assert "run=" not in shared.inner_text()
    ada.reload()
    expect(ada.get_by_test_id("stProgress")).to_be_visible()  # a reload keeps it

    bob = visit(SMALL, address=address)
    press_run(bob)
    expect(alert_with(bob, "1 run ahead of yours")).to_be_visible()
    assert run_id not in bob.content()
    bob_run = own_run(bob)
    bob.get_by_test_id("stTopNavSection").filter(has_text="Understand").click()
    bob.get_by_test_id("stTopNavDropdownLink").filter(has_text="Same result?").click()
    expect(bob.get_by_role("heading", name="The same attention, computed twice")).to_be_visible()
    press_run(bob)
    sentence = "Runs per visitor are limited to 1 at once here: 1 of yours waits or runs"
    expect(alert_with(bob, sentence)).to_contain_text("GQA_VISITOR_RUNS lifts this limit")

    bob.goto(f"{address}/runs?run={bob_run}")
    wait_until_settled(bob)
    bob.get_by_role("textbox", name="Or pasted lines").fill(encode_record(samples.record()))
    bob.get_by_role("button", name="Import").click()
    expect(alert_with(bob, "1 imported")).to_be_visible()
    expect(metrics(bob).first).to_contain_text("1")
    stranger = visit("/runs", address=address)
    wait_until_settled(stranger)
    assert "run-1" not in stranger.content()
    assert "run-1" not in [record.run_id for record in log.records()]

    bob.close()
    time.sleep(8)
    later = visit(f"/decode?run={bob_run}", address=address)
    sentence = "waiting run is ended 5 s after its tab was closed"
    expect(alert_with(later, sentence)).to_be_visible()
    ada.close()
    wait_until(lambda: not children(), seconds=60)
