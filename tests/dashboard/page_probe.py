"""Contents of an opened page: widgets by key, metrics, text and the first figure."""

import json
import re
from html import unescape

ROW, CELL = re.compile(r"<tr>(.*?)</tr>", re.S), re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.S)
STRIP_ENTRY = re.compile(r'<dt>(.*?)</dt><dd class="value">(.*?)</dd><dd>(.*?)</dd>', re.S)


def slider(app, key):
    """The slider with this key, or the number input."""
    widgets = (*app.select_slider, *app.number_input)
    return next(widget for widget in widgets if widget.key == key)


def values(app):
    """Values of the sliders and the query heads, by key."""
    query_heads = {
        widget.key: widget.value for widget in app.number_input if widget.key == "n_heads"
    }
    return query_heads | {widget.key: widget.value for widget in app.select_slider}


def choose(app, name):
    app = app.selectbox(key="model").set_value(name).run()
    assert not app.exception
    return app


def metrics(app):
    """The value of each metric of the strips, by label."""
    return {label: value for label, value, _ in _strip_entries(app)}


def meanings(app):
    """The note under each metric's value."""
    return {label: note for label, _, note in _strip_entries(app)}


def answer(app):
    """The answer that stands on top of a page; None if there is none."""
    quotations = [text.value for text in app.main.markdown if text.value.startswith("> ")]
    return quotations[0].partition("\n")[0].removeprefix("> ") if quotations else None


def _strip_entries(app):
    texts = (block.proto.body for block in app.get("html"))
    return [map(unescape, entry) for text in texts for entry in STRIP_ENTRY.findall(text)]


def link(app):
    """The link that Share shows."""
    app.session_state["share_popover"] = True
    return next(code.value for code in app.run().code if "n_heads=" in code.value)


def lazy_expander(app, key):
    """The page once the line with this key is open."""
    app.session_state[f"{key}_unfolded"] = True
    return app.run()


def import_box(app):
    """The page with the popover open that takes a config in."""
    app.session_state["config_popover"] = True
    return app.run()


def small_tables(app):
    """Rows of each small table, by its column names."""
    texts = [
        block.proto.body for block in app.get("html") if 'class="small-table"' in block.proto.body
    ]
    tables = [
        [list(map(unescape, CELL.findall(row))) for row in ROW.findall(text)] for text in texts
    ]
    return [[dict(zip(names, row, strict=True)) for row in rows] for names, *rows in tables]


def captions(app):
    return " ".join(caption.value for caption in app.caption)


def page_texts(app):
    return " ".join(block.value for block in app.markdown)


def figure(app):
    return json.loads(app.get("plotly_chart")[0].proto.spec)
