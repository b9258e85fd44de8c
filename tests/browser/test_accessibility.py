"""axe-core in the dark, on a phone, and on planted faults; test_hosted.py has all pages."""

import pytest
from playwright.sync_api import expect

from benchmarks.first_screen import wait_for_charts
from benchmarks.serving import wait_until_settled
from tests.browser.axe import serious_findings
from tests.scale import all_or

CASES = all_or(
    [("/", 1280, "dark"), ("/decode", 390, "light")],
    [
        (path, width, scheme)
        for path in ("/", "/decode")
        for width, scheme in ((1280, "dark"), (390, "light"))
    ],
)


@pytest.mark.parametrize(("path", "width", "scheme"), CASES)
def test_no_serious_finding_in_the_dark_or_on_a_phone(visit, path, width, scheme):
    page = opened(visit, path, width=width, scheme=scheme)
    assert serious_findings(page) == []


def test_axe_finds_what_is_planted(visit):
    page = opened(visit, "/runs")
    page.evaluate(
        "document.querySelector('h1').insertAdjacentHTML('afterend', '<p>"
        '<span style="color: #bbb; background: #fff">pale</span><img src="data:,"></p>\')'
    )
    assert {rule for rule, _ in serious_findings(page)} >= {"color-contrast", "image-alt"}


def opened(visit, path, **options):
    page = visit(path, **options)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wait_until_settled(page)
    wait_for_charts(page)
    return page
