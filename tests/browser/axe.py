"""axe-core on an opened page: serious findings on what is ours.

Streamlit's own elements have findings that no page can mend; they are listed by rule below.
"""

from axe_playwright_python.sync_playwright import Axe

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
