"""A report is one file: it asks no other, holds every number, and shows hostile text as text."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from dashboard.report.evidence import EVIDENCE
from dashboard.report.html_report import POLICY, html_report
from dashboard.report.markdown_summary import MAX_COLUMNS, MAX_ROWS, markdown_summary
from dashboard.report.markup import (
    JOINER,
    blocks_as_html,
    escape_cell,
    markdown_as_html,
    without_click_hints,
)
from dashboard.report.metric import Metric
from dashboard.report.page_parts import PageReport, ReportFigure, ReportTable
from dashboard.shell.panels import escape_markdown

HOSTILE = "<script>alert(1)</script> **x** | `y`"
CHART = {"data": [{"x": [1, 2], "y": [3.25, 4.5], "name": "</script><b>"}], "layout": {}}
REPORT = PageReport(
    title=f"How large {HOSTILE}",
    answer="**GQA** caches 4\\.29 GB\\, \\<b\\>",
    notices=["Noisy \\<i\\>"],
    metrics=[Metric("GQA", "4.29 GB", f"4.00 GiB {HOSTILE}", "GQA")],
    parts=[
        ReportFigure(
            key="growth",
            plotly_json=json.dumps(CHART),
            takeaway=f'It grows "linearly" {HOSTILE}',
            evidence=("formula", "published"),
        ),
        ReportTable(
            title="Sizes",
            headers=["Variant", "Bytes (B)"],
            rows=[["GQA", "4294967296"], [HOSTILE, "1"]],
            is_number=[False, True],
        ),
    ],
    evidence=("fit", "formula"),
    method=f"**Formula.** bytes\n\n- one {HOSTILE}\n- *two*",
    settings={"model": f"Imported: {HOSTILE}", "n_heads": "32"},
    commands=["python -m gqa_core size --n-heads 32"],
    link="http://host/kv_cache?n_heads=32&model=a%3Cb%3E",
    versions={"gqa-lab": "0.1.0"},
    created="2026-11-29 11:00 UTC",
)
LOADING = ("src", "href", "data", "srcset", "poster", "action", "background")


class Parser(HTMLParser):
    """Collects tags, attributes, and the text outside and inside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.scripts = [], [], "", []
        self.stack = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag in ("script", "style"):
            self.stack.append(tag)
            self.scripts.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag):
        if self.stack and self.stack[-1] == tag:
            self.stack.pop()

    def handle_data(self, data):
        if self.stack:
            tag, attrs, text = self.scripts[-1]
            self.scripts[-1] = (tag, attrs, text + data)
        else:
            self.text += data


@pytest.fixture(scope="module")
def page():
    return Parser(html_report(REPORT, "UExPVExZ", '{"layout": {}}', {"GQA": "#D55E00"}))


def test_nothing_in_a_report_loads_from_elsewhere(page):
    loading = [(name, value) for name, value in page.attributes if name in LOADING]
    assert loading == []
    assert not {"link", "iframe", "img", "object", "embed", "base", "form"} & {*page.tags}
    assert ("content", POLICY) in page.attributes
    assert POLICY.startswith("default-src 'none'")
    assert "http" not in POLICY
    assert not [text for _, _, text in page.scripts if "fetch(" in text or "import(" in text]


def test_a_report_has_all_that_the_page_showed(page):
    for text in (
        "GQA caches 4.29 GB, <b>",
        "4.00 GiB",
        "Formula. bytes",
        "4294967296",
        "python -m gqa_core size --n-heads 32",
        REPORT.link,
        "gqa-lab0.1.0",
        "2026-11-29 11:00 UTC",
        f"formula: {EVIDENCE['formula']}",
        f"published: {EVIDENCE['published']}",
        f"fit: {EVIDENCE['fit']}",
        "Noisy <i>",
        "n_heads32",
    ):
        assert text in page.text, text
    (chart,) = [text for _, attrs, text in page.scripts if "data-chart" in attrs]
    assert json.loads(chart) == CHART


def test_text_of_names_is_shown_as_text(page):
    assert page.text.count("<script>alert(1)</script>") == 7  # the title twice, and five more
    kinds = [attrs.get("type", "code") for tag, attrs, _ in page.scripts if tag == "script"]
    assert kinds == ["application/json", "text/plain", "application/json", "code"]
    assert page.tags.count("b") == 0


def test_a_page_without_charts_has_no_script():
    text = html_report(replace(REPORT, parts=()), "UExPVExZ", "{}", {})
    assert Parser(text).scripts[0][0] == "style"
    assert len(Parser(text).scripts) == 1
    assert "formula" in text
    assert "published" not in text


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("**GQA** is `x<y`", "<strong>GQA</strong> is <code>x&lt;y</code>"),
        ("*as <allocated>* is", "<em>as &lt;allocated&gt;</em> is"),
        ("a \\*\\*b\\*\\* \\<i\\>", "a **b** &lt;i&gt;"),
        ("one ** left", "one <strong> left</strong>"),
        ("2 * 3 \\ 4 ` 5", "2 * 3 \\ 4 ` 5"),
    ],
)
def test_a_sentence_of_markdown_is_html(sentence, shown):
    assert markdown_as_html(sentence) == shown


@pytest.mark.parametrize(
    ("caption", "shown"),
    [
        ("Click a place to set the context.", ""),
        (
            "Grey misses a limit. Click a row, or two. Loss: **small**",
            "Grey misses a limit. Loss: **small**",
        ),
        ("A Clickable thing.", "A Clickable thing."),
    ],
)
def test_a_file_has_no_hint_to_click(caption, shown):
    assert without_click_hints(caption) == shown


def test_paragraphs_and_lists_of_markdown_are_html():
    text = "**Formula.** a\nb\n\n- one\n* two\n\nend"
    assert blocks_as_html(text) == (
        "<p><strong>Formula.</strong> a b</p>\n<ul><li>one</li><li>two</li></ul>\n<p>end</p>"
    )


def test_a_summary_has_answer_table_settings_command_and_link():
    summary = markdown_summary(REPORT)
    assert "\n**GQA** caches 4.29 GB, \\<b\\>\n" in summary
    assert "|Variant|Bytes (B)|\n|---|---:|\n|GQA|4294967296|\n" in summary
    assert "\n- GQA: 4.29 GB (4.00 GiB " in summary
    assert "`n_heads=32`" in summary
    assert "> Noisy \\<i\\>\n" in summary
    assert "Evidence: formula, published, fit." in summary
    assert "1 more table in the report." in markdown_summary(
        replace(REPORT, parts=[REPORT.parts[1]] * 3)
    )
    assert "```sh\npython -m gqa_core size --n-heads 32\n```" in summary
    assert f"Link: <{REPORT.link}>" in summary
    assert "2026-11-29 11:00 UTC; gqa-lab 0.1.0" in summary


def test_names_cannot_break_out_of_a_summary_s_table_or_settings():
    summary = markdown_summary(REPORT)
    assert f"|{escape_cell(HOSTILE)}|1|" in summary
    assert escape_cell("a|b\n<c>") == "a\\|b \\<c\\>"
    assert "`model=Imported: <script>alert(1)</script> **x** | y`" in summary
    assert "\n# x" not in markdown_summary(replace(REPORT, settings={"model": "a\n# x"}))


ADDRESSES = "www.evil.example/login, a@b.co, https://x.example, HTTP://X.example and WWW.x.example"


def test_an_address_in_a_name_is_no_link_and_a_dollar_no_formula_in_a_summary():
    metric = Metric("GQA", "4.29 GB", f"$x$ {ADDRESSES}", "GQA")
    sentence = escape_markdown(f"Imported: $x$ {ADDRESSES}")
    table = ReportTable(title="T", headers=["Model"], rows=[[ADDRESSES]], is_number=[False])
    summary = markdown_summary(
        replace(REPORT, link="", answer=sentence, metrics=[metric], parts=[table])
    )
    for address in ("www.", "://", "a@b", "HTTP:/", "WWW."):
        assert address not in summary
    assert summary.count("\\$x\\$") == 2
    assert ADDRESSES in summary.replace(JOINER, "")
    assert ADDRESSES in markdown_as_html(sentence)
    assert escape_cell("@ 8k, 2:1 and x/y") == "@ 8k, 2:1 and x/y"


@pytest.mark.parametrize(("n_rows", "n_columns"), [(MAX_ROWS + 1, 2), (1, MAX_COLUMNS + 1)])
def test_a_summary_leaves_large_tables_to_the_report(n_rows, n_columns):
    rows = [["MQA"] * n_columns] * n_rows
    table = ReportTable(
        title="Large", headers=["x"] * n_columns, rows=rows, is_number=[False] * n_columns
    )
    summary = markdown_summary(replace(REPORT, parts=[table, *REPORT.parts]))
    assert "MQA" not in summary
    assert "|GQA|4294967296|" in summary
    assert "1 more table in the report." in summary
