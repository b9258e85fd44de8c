"""What stands on an opened page: widgets by key, metrics, words and the first figure."""

import json


def slider(app, key):
    return next(widget for widget in app.select_slider if widget.key == key)


def values(app):
    return {widget.key: widget.value for widget in app.select_slider}


def choose(app, name):
    app = app.selectbox(key="model").set_value(name).run()
    assert not app.exception
    return app


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def said(app):
    return " ".join(block.value for block in app.markdown)


def figure(app):
    return json.loads(app.get("plotly_chart")[0].proto.spec)
