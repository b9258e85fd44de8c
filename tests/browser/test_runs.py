"""The page of runs in a browser: a file goes in, names stay text, a phone can read it."""

import pytest
from msgspec import structs
from playwright.sync_api import expect

from benchmarks.serving import wait_until_settled
from gqa_core.records.header import Device
from gqa_core.records.kinds import encode_record
from gqa_core.records.run_log import RunLog
from tests.browser.conftest import running_server
from tests.records import fake_records as samples
from tests.scale import all_or

pytestmark = pytest.mark.xdist_group("runs")  # one server
HTML = "GPU <img src=x onerror=\"document.title='run'\"> **GPU**"


@pytest.fixture(scope="module")
def address(chromium, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "runs.sqlite"
    RunLog(log).append(samples.record())
    with running_server(log) as address:
        yield address


def import_file(page, *lines):
    text = "".join(f"{line}\n" for line in lines)
    with page.expect_response(lambda response: "/upload_file/" in response.url and response.ok):
        page.locator("input[type=file]").set_input_files(
            {"name": "records.jsonl", "mimeType": "application/json", "buffer": text.encode()}
        )
    expect(page.get_by_text("records.jsonl")).to_be_visible()
    wait_until_settled(page)
    page.get_by_role("button", name="Import").click()


def test_an_uploaded_file_is_taken_by_line_and_html_in_it_stays_text(visit, address):
    page = visit("/runs", address=address)
    expect(page.locator(".metric-strip > div").first).to_contain_text("1")
    record = samples.record(
        run_id="run-2",
        device=Device(type="cuda", name=HTML, n_threads=8),
        memory=structs.replace(samples.MEMORY, allocator_peak_bytes=16384),
    )
    import_file(page, encode_record(record), '"<b>no record</b>"')
    expect(page.get_by_text("File: 1 imported, 1 refused.")).to_be_visible(timeout=20_000)
    text = page.get_by_test_id("stCode")
    expect(text).to_contain_text('line 2: record must be one JSON object: got "<b>no record</b>"')
    page.get_by_text("Decode steps", exact=True).click()
    expect(page.get_by_test_id("stDataFrame")).to_contain_text("measured elsewhere")
    expect(page.get_by_test_id("stDataFrame")).to_contain_text(HTML)
    expect(page.locator(".js-plotly-plot")).to_contain_text("B: GQA 2 K/V")
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "Runs | GQA Lab"


@pytest.mark.parametrize("scheme", all_or(["light"], ["light", "dark"]))
def test_a_phone_shows_the_runs_without_sideways_scrolling(visit, address, scheme):
    page = visit("/runs", width=390, scheme=scheme, address=address)
    expect(page.locator(".js-plotly-plot")).to_be_visible(timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth")
