"""Tables that stand as text show numbers as grids do, and a cell's own letters as they are."""

from streamlit.testing.v1 import AppTest


def _page():
    import pandas as pd

    from dashboard.shell import panels

    columns = {
        "Name": ["a|b <i>*c*</i>", None],
        "Cache (GiB)": [0.125, None],
        "Heads": [8, 1],
        "Share of the read (%)": [12.5, 0.001],
    }
    panels.show_small_table(pd.DataFrame(columns))


def test_a_small_table_has_its_units_digits_and_no_cell_is_markup():
    app = AppTest.from_function(_page, default_timeout=30).run()
    assert not app.exception
    (table,) = app.markdown
    names, sides, first, second = table.value.split("\n")
    assert names == r"|Name|Cache \(GiB\)|Heads|Share of the read \(\%\)|"
    assert sides == "|---|---:|---:|---:|"
    assert first == r"|a\|b \<i\>\*c\*\<\/i\>|0\.125|8|12\.5\%|"
    assert second == r"|-|-|1|0\.001\%|"
