"""Tables that stand as text show numbers as grids do, and a cell's own letters as they are."""

import re

from streamlit.testing.v1 import AppTest


def _page():
    from dashboard.report.columns import COUNT, GIB, PERCENT_3_DIGITS, TEXT, Column, Table
    from dashboard.shell import panels

    rows = [("a|b <i>*c*</i>", 2**27, 8, 0.125), (None, None, 1, 0.00001)]
    titles = {"Name": TEXT, "Cache": GIB, "Heads": COUNT, "Share of the read": PERCENT_3_DIGITS}
    columns = [
        Column(title, lambda row, index=index: row[index], unit)
        for index, (title, unit) in enumerate(titles.items())
    ]
    panels.show_small_table(Table(columns, rows))


def test_a_small_table_has_its_units_digits_and_no_cell_is_markup():
    app = AppTest.from_function(_page, default_timeout=30).run()
    assert not app.exception
    (block,) = app.get("html")
    names, first, second = re.findall("<tr>(.*?)</tr>", block.proto.body)
    assert names == (
        "<th>Name</th><th class=number>Cache (GiB)</th><th class=number>Heads</th>"
        "<th class=number>Share of the read (%)</th>"
    )
    assert first == (
        "<td>a|b &lt;i&gt;*c*&lt;/i&gt;</td><td class=number>0.125</td><td class=number>8</td>"
        "<td class=number>12.5%</td>"
    )
    assert second.startswith("<td>-</td><td class=number>-</td><td class=number>1</td>")
    assert 'tabindex="0" role="region" aria-label="Table by Name"' in block.proto.body
