"""Running, cancelling, killing and queueing measurements from a browser."""

import re
import time

import psutil
import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until, wait_until_settled
from gqa_core.records.run_log import RunLog
from tests.browser.conftest import crowding, running_server

pytestmark = pytest.mark.xdist_group("measuring")  # one server, on whose log no other page opens

SMALL = "/decode?n_heads=4&n_kv_heads=2&head_dim=32&context_len=512"
SMALLEST = "/decode?n_heads=2&n_kv_heads=1&head_dim=32&context_len=512"
MIDDLING = "/decode?n_heads=16&n_kv_heads=4&head_dim=64&context_len=8192"
LONG = "/decode?n_heads=32&n_kv_heads=8&head_dim=128&context_len=32768"
RUN_MS = 900_000  # for a whole run, on a machine that has other work too


@pytest.fixture(scope="module")
def log_path(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "runs.sqlite"


@pytest.fixture(scope="module")
def server(chromium, log_path):
    with running_server(log_path) as address:
        yield address


def children(whole_family=False):
    """The measuring processes that a server of these tests has started and that still run."""
    family = psutil.Process().children(recursive=True)
    words = {process: " ".join(_command(process)) for process in family}
    started = [process for process in family if "gqa_core bench" in words[process]]
    if whole_family:
        return started + [p for p in family if "multiprocessing" in words[p]]
    return started


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def run_button(page):
    return page.get_by_role("button", name=re.compile("^Run here, about "))


def press_run(page):
    wait_until_settled(page)
    run_button(page).click()


def alert_with(page, text):
    """The alert that says this: others may stand beside it."""
    return page.get_by_test_id("stAlert").filter(has_text=text)


def is_timing(page, progress="timing"):
    expect(page.get_by_test_id("stProgress")).to_contain_text(progress, timeout=RUN_MS)


def answer(page):
    return page.locator("blockquote")


def shows_times(page, n_variants):
    """A metric per variant; on a machine with other work maybe none, and the reason instead."""
    measured = answer(page).filter(has_text="Measured here: ")
    reason = alert_with(page, "No times at 512 tokens.")
    expect(measured.or_(reason)).to_be_visible()
    wait_until_settled(page)
    is_usable = reason.count() == 0
    expect(page.locator(".metric-strip > div")).to_have_count(n_variants if is_usable else 0)
    return is_usable


def open_numbers(page):
    page.get_by_text("The numbers", exact=True).click()
    return page.get_by_role("table")


@pytest.mark.alone
def test_a_run_fills_the_table_and_a_reload_keeps_it(visit):
    page = visit(SMALL)
    expect(answer(page)).to_contain_text("Predicted, not measured: attending over 512 tokens")
    start = time.monotonic()
    press_run(page)
    expect(alert_with(page, "15 of 15 points")).to_be_visible(timeout=RUN_MS)
    print(f"small run: {time.monotonic() - start:.0f} s")
    for _ in range(2):
        shows_times(page, 4)
        table = open_numbers(page)
        for variant in ("MHA", "GQA", "MQA", "MLA absorbed", "MLA naive"):
            expect(table).to_contain_text(variant)
        page.reload()
    page = visit(SMALL)
    is_usable = shows_times(page, 4)
    expect(page.get_by_test_id("stAlert")).to_have_count(0 if is_usable else 1)
    if is_usable:
        expect(answer(page)).to_contain_text("Attending over 512 tokens takes ")


@pytest.mark.alone
def test_cancel_ends_the_default_run_within_a_second_and_the_child_is_gone_within_three(visit):
    page = visit("/decode")
    expect(answer(page)).to_contain_text("Sample run, measured elsewhere: ")
    press_run(page)
    is_timing(page, re.compile(r"\b[1-9]\d* of 15: timing MHA, GQA-8, MQA.*about \d+ s left"))
    expect(answer(page)).to_contain_text("Sample run, measured elsewhere: ")  # meanwhile
    assert children()
    crowded = crowding()
    start = time.monotonic()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(alert_with(page, "Cancelled")).to_be_visible()
    reported_s = time.monotonic() - start
    gone = wait_until(lambda: not children(), seconds=9 * crowded)
    print(f"cancel: message after {reported_s:.2f} s, gone {gone:.2f} s later, {crowded:.1f}")
    assert reported_s < 3 * crowded
    expect(run_button(page)).to_be_enabled()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


def test_a_killed_child_leaves_a_sentence_and_every_earlier_record(visit, log_path):
    page = visit(MIDDLING)
    press_run(page)
    is_timing(page, re.compile(r"\b([5-9]|1\d) of 15"))  # the records of a group come together
    children()[0].kill()
    alert = alert_with(page, "The measuring process was killed (SIGKILL) while timing")
    measured = re.compile(r"(\d+) of 15 points were measured and are in the log")
    expect(alert).to_contain_text(measured)
    n_logged = int(measured.search(alert.inner_text())[1])
    runs = [record.run_id for record in RunLog(log_path).records()]
    assert runs.count(runs[-1]) == n_logged >= 5
    page.reload()
    expect(open_numbers(page)).to_contain_text("MHA")
    wait_until(lambda: not children(whole_family=True), seconds=30)


def test_two_sessions_take_turns_and_are_told_so(visit):
    first, second = visit(LONG), visit(SMALLEST)
    press_run(first)
    is_timing(first)
    press_run(second)
    expect(alert_with(second, "This machine is measuring: 1 run ahead")).to_be_visible()
    assert len(children()) == 1
    first.get_by_role("button", name="Cancel", exact=True).click()
    expect(alert_with(second, "12 of 12 points")).to_be_visible(timeout=RUN_MS)


def test_a_log_that_cannot_keep_records_is_said_and_the_rows_still_show(visit):
    with running_server("/proc/runs.sqlite") as address:  # nobody can write there, not even root
        page = visit(SMALLEST, address=address)
        press_run(page)
        expect(alert_with(page, "Done: 12 of 12")).to_be_visible(timeout=RUN_MS)
        expect(alert_with(page, "This run is not in the log")).to_contain_text("cannot be written")
        shows_times(page, 3)  # MQA, which is GQA here too


def test_a_run_too_large_for_the_machine_is_refused_with_both_numbers(visit):
    page = visit("/decode?n_heads=128&n_kv_heads=8&context_len=1048576&batch_size=64")
    press_run(page)
    refused = alert_with(page, "it takes")
    expect(refused).to_be_visible(timeout=RUN_MS)
    expect(refused).to_contain_text("are free")
