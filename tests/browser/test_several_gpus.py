"""The page Several GPUs in a browser, at night: two ranks measured, a reload, and Cancel."""

import re

import psutil
import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until, wait_until_settled
from tests.scale import NIGHTLY

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not NIGHTLY, reason="measures with two ranks for a minute"),
]

SMALL = "/several_gpus?n_heads=4&n_kv_heads=2&head_dim=32&context_len=512&sharded_tp=2"
RUN_MS = 900_000  # for a whole run, on a machine that has other work too


def ranks():
    """The ranks that a server of these tests has started and that still run."""
    family = psutil.Process().children(recursive=True)
    return [process for process in family if "--tp" in _command(process)]


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def press_run(page):
    wait_until_settled(page)
    page.get_by_role("button", name=re.compile("^Run here, about ")).click()


def alert_with(page, text):
    return page.get_by_test_id("stAlert").filter(has_text=text)


def test_two_ranks_hold_what_the_formula_says_and_a_reload_keeps_it(visit):
    page = visit(SMALL)
    expect(page.get_by_text("Measured on 2 ranks")).to_have_count(0)
    press_run(page)
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    page.reload()
    expect(alert_with(page, "5 of 5 points")).to_be_visible(timeout=RUN_MS)
    for _ in range(2):
        expect(page.get_by_text("Measured on 2 ranks")).to_be_visible()
        expect(page.get_by_text("Every rank held exactly the bytes")).to_be_visible()
        expect(page.get_by_role("table").get_by_role("row")).to_have_count(1 + 5 * 2)
        page.reload()


def test_cancel_ends_all_ranks(visit):
    page = visit(SMALL)
    press_run(page)
    wait_until(lambda: len(ranks()) >= 2, seconds=120)
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(alert_with(page, "Cancelled")).to_be_visible()
    wait_until(lambda: not ranks(), seconds=30)
    expect(page.get_by_role("button", name=re.compile("^Run here, about "))).to_be_enabled()
