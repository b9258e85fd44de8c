"""Running, cancelling, killing and queueing measurements from a browser."""

import time

import psutil
from playwright.sync_api import expect

from tests.browser.conftest import running_server, wait_until

SMALL = "/decode?n_heads=2&n_kv_heads=1&head_dim=32&context_len=512"
LONG = "/decode?n_heads=32&n_kv_heads=8&head_dim=128&context_len=32768"


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


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def is_timing(page):
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_test_id("stProgress")).to_contain_text("timing", timeout=60_000)


def test_the_default_run_fills_the_table_and_a_reload_keeps_it(visit):
    page = visit("/decode")
    expect(page.get_by_test_id("stAlert")).to_contain_text("Nothing is measured")
    start = time.monotonic()
    press(page, "Run")
    expect(page.get_by_test_id("stAlert")).to_contain_text("15 of 15 points", timeout=180_000)
    seconds = time.monotonic() - start
    print(f"default run: {seconds:.0f} s")
    assert seconds < 3 * 60
    for _ in range(2):
        table = page.get_by_test_id("stDataFrame")
        for variant in ("MHA", "GQA", "MQA", "MLA absorbed", "MLA naive"):
            expect(table).to_contain_text(variant)
        expect(page.get_by_test_id("stMetric")).to_have_count(5)
        page.reload()
    page = visit("/decode")
    expect(page.get_by_test_id("stMetric")).to_have_count(5)
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


def test_cancel_says_so_within_a_second_and_the_child_is_gone_within_three(visit):
    page = visit(LONG)
    press(page, "Run")
    is_timing(page)
    assert children()
    start = time.monotonic()
    press(page, "Cancel")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("Cancelled")
    said = time.monotonic() - start
    gone = wait_until(lambda: not children(), seconds=9)
    print(f"cancel: said after {said:.2f} s, gone after {gone:.2f} s more")
    assert said < 3
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_a_killed_child_leaves_a_sentence_and_every_earlier_record(visit):
    page = visit(LONG.replace("n_kv_heads=8", "n_kv_heads=4"))
    press(page, "Run")
    expect(page.get_by_test_id("stProgress")).to_contain_text("2 of", timeout=60_000)
    children()[0].kill()
    alert = page.get_by_test_id("stAlert").first
    expect(alert).to_contain_text("The measuring process was killed (SIGKILL) while timing")
    expect(alert).to_contain_text("2 of 15 points were measured and are kept")
    page.reload()
    expect(page.get_by_test_id("stDataFrame")).to_contain_text("MHA")
    wait_until(lambda: not children(whole_family=True), seconds=5)


def test_two_sessions_take_turns_and_are_told_so(visit):
    first, second = visit(LONG), visit(SMALL)
    press(first, "Run")
    is_timing(first)
    press(second, "Run")
    expect(second.get_by_text("Somebody else is measuring: 1 ahead")).to_be_visible(timeout=20_000)
    assert len(children()) == 1
    press(first, "Cancel")
    expect(second.get_by_text("12 of 12 points")).to_be_visible(timeout=180_000)


def test_a_log_that_cannot_keep_records_is_said_and_the_rows_still_show(visit):
    with running_server("/proc/runs.sqlite") as address:  # nobody can write there, not even root
        page = visit(SMALL, address=address)
        press(page, "Run")
        expect(page.get_by_text("Done: 12 of 12")).to_be_visible(timeout=90_000)
        expect(page.get_by_text("This run is not in the log")).to_contain_text("cannot be written")
        expect(page.get_by_test_id("stMetric")).to_have_count(4)  # MQA, which is GQA here too


def test_a_run_too_large_for_the_machine_is_refused_with_both_numbers(visit):
    page = visit("/decode?n_heads=128&n_kv_heads=8&context_len=1048576&batch_size=64")
    press(page, "Run")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("it takes", timeout=60_000)
    expect(page.get_by_test_id("stAlert").first).to_contain_text("are free")
