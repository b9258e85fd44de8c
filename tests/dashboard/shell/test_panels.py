"""Tables that stand as text show numbers as grids do, and a cell's own letters as they are."""

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
    (table,) = app.markdown
    names, sides, first, second = table.value.split("\n")
    assert names == r"|Name|Cache \(GiB\)|Heads|Share of the read \(\%\)|"
    assert sides == "|---|---:|---:|---:|"
    assert first == r"|a\|b \<i\>\*c\*\<\/i\>|0\.125|8|12\.5\%|"
    assert second == r"|-|-|1|0\.001\%|"
