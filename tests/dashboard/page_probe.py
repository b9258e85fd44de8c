"""Contents of an opened page: widgets by key, metrics, text and the first figure."""

import json


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
    return {metric.label: metric.value for metric in app.metric}


def meanings(app):
    """The description under each metric's value."""
    return {metric.label: metric.proto.delta_description for metric in app.metric}


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
    """Rows of each table that stands as text, by its column names."""
    tables = [block.value.replace("\\", "") for block in app.markdown if block.value[0] == "|"]
    cells = [[line.strip("|").split("|") for line in table.split("\n")] for table in tables]
    return [[dict(zip(names, row, strict=True)) for row in rows] for names, _, *rows in cells]


def page_texts(app):
    return " ".join(block.value for block in app.markdown)


def figure(app):
    return json.loads(app.get("plotly_chart")[0].proto.spec)
