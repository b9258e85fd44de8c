"""The style sheet of every page, where Streamlit's own differs from what a dashboard needs.

It is one line, because Streamlit looks at each line of it for each page.

* The first screen belongs to the answer and its figure: less air above a smaller title. The
  padding is in whole pixels: Plotly draws a chart of a broken width twice, as Streamlit asks first
  for the width of its element and then for all digits of it.
* Lines of prose are short enough to read.
* Small tables wider than a phone scroll on their own; captions have contrast enough to read.
* On a phone a popover takes the screen, not the strip below its button.
* Chart text without a colour of its own has the page's, light or dark, and charts have its
  background. A saved picture has dark text on white.
"""

from __future__ import annotations

from dashboard.figures.style import GRID, INK

__all__ = ["CARDS", "STYLE"]

CARDS = "cards"  # key of a row of small buttons
STYLE = " ".join(
    f"""<style>
[data-testid=stMainBlockContainer] {{padding: 4rem 2.5rem 3rem}}
@media (max-width: 640px) {{
    [data-testid=stMainBlockContainer] {{padding-left: 1rem; padding-right: 1rem}}
}}
[data-testid=stMainBlockContainer] h1 {{font-size: 1.625rem; padding: 0 0 0.25rem}}
[data-testid=stMainBlockContainer] h2 {{font-size: 1.375rem}}
[data-testid=stMainBlockContainer] h3 {{font-size: 1.125rem}}
[data-testid=stMain] [data-testid=stMarkdownContainer] :is(p, li) {{max-width: 75ch}}
[data-testid=stCaptionContainer] {{opacity: 1; color: inherit}}
[data-testid=stCaptionContainer] :is(p, li) {{
    color: color-mix(in srgb, currentColor 85%, transparent)
}}
button[kind=primary] p {{color: light-dark(#FFFFFF, #0F1418)}}
.small-table {{overflow-x: auto; font-size: 0.875rem}}
.small-table table {{border-collapse: collapse}}
.small-table :is(th, td) {{
    padding: 0.25rem 0.75rem; border-bottom: 1px solid {GRID}; text-align: left;
    font-variant-numeric: tabular-nums; vertical-align: top
}}
.small-table :is(th, td):first-child {{padding-left: 0; white-space: nowrap}}
.small-table .number {{text-align: right}}
[data-testid=stPlotlyChart] .main-svg {{background: transparent !important}}
[data-testid=stPlotlyChart] text[style*="{INK}"] {{fill: currentColor !important}}
[data-testid=stPlotlyChart] .updatemenu-item-rect {{fill: transparent !important}}
@media (prefers-reduced-motion: reduce) {{
    [data-testid=stPlotlyChart] .updatemenu-container {{display: none}}
}}
@media (max-width: 640px) {{
    .small-table td:last-child:not(.number) {{min-width: 12rem}}
    [data-testid=stPopoverBody] {{
        transform: translate(0.5rem, 4rem) !important; max-height: calc(100vh - 5rem) !important
    }}
}}
.st-key-{CARDS} button {{min-height: 2rem; padding: 0.125rem 0.5rem}}
.st-key-{CARDS} button p {{font-size: 0.875rem}}
[data-testid=stMain] [data-testid=stMarkdownContainer] blockquote {{
    border-left: 4px solid currentColor; padding: 0 0 0 0.75rem; margin: 0.25rem 0 0.75rem;
    color: inherit; opacity: 1
}}
[data-testid=stMain] [data-testid=stMarkdownContainer] blockquote p {{
    font-size: 1.125rem; line-height: 1.4; margin: 0
}}
[data-testid=stMain] .metric-strip {{
    display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; margin: 0; padding: 0
}}
.metric-strip > div {{flex: 1 1 9rem; border-left: 4px solid; padding-left: 0.75rem}}
.metric-strip dt {{font-size: 0.875rem; opacity: 0.8; font-weight: 400}}
.metric-strip dd {{margin: 0; font-size: 0.8125rem; opacity: 0.8}}
.metric-strip dd.value {{font-size: 1.5rem; line-height: 1.2; opacity: 1}}
</style>""".split()
)
