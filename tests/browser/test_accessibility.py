"""axe-core on every page, light and dark, wide and narrow: no serious finding of our own.

Streamlit's own elements have findings that no page can mend; they are listed by rule below.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from benchmarks.first_screen import PATHS, wait_for_charts
from benchmarks.serving import wait_until_settled

SERIOUS = {"serious", "critical"}
STREAMLIT_ELEMENTS = {  # rule: what its elements contain, as a CSS selector
    "list": "[data-testid=stSidebarNavItems]",  # sections are divs within the menu's list
    "listitem": "[data-testid=stSidebarNavItems] *",
}
CLOSEST = "(selectors, outer) => !!document.querySelector(selectors)?.closest(outer.split(' ')[0])"


def serious_findings(page):
    """(rule, HTML) of each serious finding on an element that is not Streamlit's own."""
    findings = []
    for violation in Axe().run(page).response["violations"]:
        outer = STREAMLIT_ELEMENTS.get(violation["id"])
        for node in violation["nodes"] if violation["impact"] in SERIOUS else []:
            if outer and page.evaluate(f"({CLOSEST})({node['target'][-1]!r}, {outer!r})"):
                continue
            findings.append((violation["id"], node["html"][:200]))
    return findings


@pytest.mark.parametrize("path", PATHS)
def test_no_page_has_a_serious_finding(visit, path):
    page = opened(visit, path)
    assert serious_findings(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
@pytest.mark.parametrize("path", ["/", "/decode"])
def test_nor_has_it_in_the_dark_or_on_a_phone(visit, path, width, scheme):
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
