"""A page as one HTML file that opens offline: charts, tables, settings and where numbers are from.

The file asks no other: Plotly's script is in it, compressed, and a content policy forbids every
request. All text is escaped, since names of models and records come from anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from dashboard.report.evidence import EVIDENCE
from dashboard.report.markup import blocks_as_html, markdown_as_html, without_click_hints
from dashboard.report.metric import Metric
from dashboard.report.page_parts import PageReport, ReportFigure, ReportTable

NEUTRAL = "#888888"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)
STYLE = """
body {font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; margin: 2rem auto;
  max-width: 1100px; padding: 0 1rem}
h1 {font-size: 1.8rem; line-height: 1.2; margin: 0 0 1rem}
h2 {font-size: 1.2rem; margin: 2.5rem 0 .5rem}
.answer {border-left: 4px solid #0072b2; padding: .5rem 1rem; background: #f3f7fa; max-width: 75ch}
.notice {border-left: 4px solid #bf8700; padding: .5rem 1rem; background: #fff8e6; max-width: 75ch}
dl.strip {display: flex; flex-wrap: wrap; gap: 1rem}
dl.strip > div {border-left: 4px solid; padding: 0 1rem; flex: 1 1 9rem}
dl.strip dd {margin: 0} dl.strip dd:nth-of-type(1) {font-size: 1.4rem}
figure {margin: 2rem 0} figcaption, .note {color: #57606a; font-size: .9rem; max-width: 75ch}
.method {max-width: 75ch}
.table {overflow-x: auto} table {border-collapse: collapse; font-size: .9rem}
th, td {border-bottom: 1px solid #d0d7de; padding: .3rem .7rem; text-align: left}
.number {text-align: right; font-variant-numeric: tabular-nums}
pre {white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f8fa; padding: .7rem}
"""
# Plotly's script is inflated by the browser: the file has 2 MB in place of 5.
DRAW = """
(async () => {
  const packed = document.getElementById("plotly").textContent;
  const bytes = Uint8Array.from(atob(packed), letter => letter.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(inflated).text();
  document.head.append(script);
  const template = JSON.parse(document.getElementById("template").textContent);
  for (const source of document.querySelectorAll("script[data-chart]")) {
    const chart = JSON.parse(source.textContent);
    chart.layout.template = template;
    const place = document.getElementById(source.dataset.chart);
    place.textContent = "";
    await Plotly.newPlot(place, {...chart, config: {responsive: true, displaylogo: false}});
  }
})().catch(error => {
  for (const place of document.querySelectorAll(".chart"))
    place.textContent = "This browser cannot draw the chart: " + error.message;
});
"""


def html_report(
    report: PageReport, plotly_script: str, template_json: str, colors: Mapping[str, str]
) -> str:
    """The report of a page.

    Args:
        report: what the page showed.
        plotly_script: Plotly's JavaScript, deflated (zlib) and in base64.
        template_json: Plotly's template for a white page.
        colors: the colour of each variant.
    """
    body = "\n".join(_sections(report, colors))
    scripts = ""
    if report.figures:
        scripts = (
            f'<script type="text/plain" id="plotly">{plotly_script}</script>\n'
            f'<script type="application/json" id="template">{_in_script(template_json)}</script>\n'
            f"<script>{DRAW}</script>\n"
        )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)} | GQA Lab</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n{scripts}</body>\n</html>\n"
    )


def _sections(report: PageReport, colors: Mapping[str, str]) -> Iterator[str]:
    yield f"<h1>{escape(report.title)}</h1>"
    if report.answer:
        yield f'<p class="answer">{markdown_as_html(report.answer)}</p>'
    for notice in report.notices:
        yield f'<p class="notice">{markdown_as_html(notice)}</p>'
    if report.metrics:
        yield _strip(report.metrics, colors)
    for number, part in enumerate(report.parts):
        if isinstance(part, ReportFigure):
            yield _figure(part, number, report.answer)
        else:
            yield _table(part)
    yield _evidence(report.kinds_of_evidence)
    if report.method:
        yield '<h2>How this is computed</h2><div class="method">'
        yield f"{blocks_as_html(report.method)}</div>"
    yield _settings(report)


def _strip(metrics: Sequence[Metric], colors: Mapping[str, str]) -> str:
    cells = (
        f'<div style="border-color: {escape(_color(metric, colors))}">'
        f"<dt>{escape(metric.label)}</dt><dd>{escape(metric.value)}</dd>"
        f'<dd class="note">{escape(metric.note)}</dd></div>'
        for metric in metrics
    )
    return f'<dl class="strip">{"".join(cells)}</dl>'


def _color(metric: Metric, colors: Mapping[str, str]) -> str:
    return colors.get(metric.variant or "") or metric.color or NEUTRAL


def _figure(figure: ReportFigure, number: int, answer: str) -> str:
    """A chart and its caption, which does not repeat the page's answer."""
    place, alt = f"chart-{number}", escape(figure.takeaway)
    kinds = f" Evidence: {', '.join(figure.evidence)}." if figure.evidence else ""
    takeaway = "" if figure.takeaway == answer else escape(figure.takeaway)
    caption = f"{takeaway} {markdown_as_html(without_click_hints(figure.caption))}{escape(kinds)}"
    return (
        f'<figure><div class="chart" id="{place}" role="img" aria-label="{alt}">'
        "The chart needs JavaScript.</div>"
        f"<figcaption>{caption}</figcaption>"
        f'<script type="application/json" data-chart="{place}">{_in_script(figure.plotly_json)}'
        "</script></figure>"
    )


def _table(table: ReportTable) -> str:
    sides = [' class="number"' if is_number else "" for is_number in table.is_number]
    head = _cells("th", table.headers, sides)
    rows = "\n".join(f"<tr>{_cells('td', row, sides)}</tr>" for row in table.rows)
    return (
        f'<h2>{escape(table.title)}</h2><div class="table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cells(tag: str, texts: Sequence[str], sides: Sequence[str]) -> str:
    pairs = zip(texts, sides, strict=True)
    return "".join(f"<{tag}{side}>{escape(text)}</{tag}>" for text, side in pairs)


def _evidence(kinds: Sequence[str]) -> str:
    """The kinds of evidence, each with its sentence."""
    items = (
        f"<li><strong>{escape(kind)}</strong>: {escape(EVIDENCE.get(kind, ''))}</li>"
        for kind in kinds
    )
    return f"<h2>Where the numbers are from</h2><ul>{''.join(items)}</ul>" if kinds else ""


def _settings(report: PageReport) -> str:
    commands = "".join(f"<pre>{escape(command)}</pre>" for command in report.commands)
    return (
        f"<h2>Settings</h2>{_pairs(report.settings)}"
        f"{f'<h2>On the command line</h2>{commands}' if commands else ''}"
        f"<h2>Link</h2><pre>{escape(report.link)}</pre>"
        f"<h2>Made with</h2>{_pairs({'date': report.created, **report.versions})}"
    )


def _pairs(texts: Mapping[str, str]) -> str:
    rows = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in texts.items())
    return f'<div class="table"><table><tbody>{rows}</tbody></table></div>'


def _in_script(json_text: str) -> str:
    """JSON that cannot end the script element that it stands in."""
    return json_text.replace("<", "\\u003c")
