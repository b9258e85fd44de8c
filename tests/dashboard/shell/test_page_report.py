"""Reports of real pages: what was shown is in them, and nothing is made before a click."""

import json
from html import unescape

import pytest

from dashboard.shell import page_report
from dashboard.shell.page_content import CONTENT
from dashboard.shell.panels import BADGE_COLORS
from tests.dashboard.page_probe import answer, link, metrics, slider

PAGES = (
    "overview",
    "kv_cache",
    "head_groups",
    "capacity",
    "quality",
    "choose",
    "equivalence",
    "several_gpus",
)


def report(app):
    """The current page as a report, and as the HTML that the button makes."""
    settings = {"n_heads": 32, "devices": ["A", "B"], "weights_gb": None}
    made = page_report.page_report(app.session_state[CONTENT], settings, "http://host/?n_heads=32")
    return made, page_report._html(made)


def downloads(app):
    return {button.proto.label for button in app.get("download_button")}


@pytest.mark.parametrize("name", PAGES)
def test_a_report_has_the_page_s_answer_numbers_charts_and_tables(opened, name):
    app = opened(name)
    charts = app.get("plotly_chart")
    app.session_state["share_popover"] = True
    app = app.run()
    assert not app.exception
    made, html = report(app)
    assert made.title == app.title[0].value
    assert made.answer == (answer(app) or "")
    assert {metric.label: metric.value for metric in made.metrics}.items() <= metrics(app).items()
    specs = [json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart")]
    assert len(specs) >= len(charts)
    drawn = [json.loads(figure.plotly_json)["data"] for figure in made.figures]
    assert [data for data in specs if data not in drawn] == []
    assert len(made.tables) >= 1 or name in ("equivalence", "choose")
    assert {kind for figure in made.figures for kind in figure.evidence} <= {*BADGE_COLORS}
    for text in (made.title, *(metric.value for metric in made.metrics)):
        assert text in unescape(html)
    assert made.settings == {"n_heads": "32", "devices": "A, B", "weights_gb": "empty"}
    assert {"Report (HTML)", "Summary (Markdown)"} <= downloads(app)


def test_a_report_is_of_the_run_that_was_last_drawn_and_made_on_click_alone(opened, monkeypatch):
    monkeypatch.setattr(page_report, "figure_json", lambda figure: pytest.fail("made too soon"))
    app = opened("kv_cache")
    assert not {"Report (HTML)"} & downloads(app)
    link(app)
    app = slider(app, "n_kv_heads").set_value(4).run()
    content = app.session_state[CONTENT]
    assert [key for key in content.parts if key.startswith("figure")] != []
    assert content.answer == answer(app)
    app = app.switch_page("pages/overview.py").run()
    assert app.session_state[CONTENT].title == app.title[0].value != content.title


def test_a_report_names_what_it_was_made_with(opened):
    made, html = report(opened("kv_cache"))
    assert {"Python", "streamlit", "plotly.js", "torch", "commit"} <= made.versions.keys()
    assert made.created.endswith(" UTC")
    assert made.created in html
    assert len(html) < 3_000_000
