"""Links with values that no widget can show: every bound widget of every page, globbed."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shell.page import START, VIEWS
from dashboard.shell.state import CURRENT
from tests.dashboard.conftest import APP
from tests.dashboard.example_settings import DEVICE_INFO
from tests.dashboard.views.test_head_diversity import answered
from tests.records import fake_records as samples

OPTIONAL = {"weights_gb", "usable_gib", "overhead_gib", "max_ms"}  # numbers that may be left empty
LEADING = {entry.name for entry in VIEWS}  # old addresses, which lead to another page
PAGES = sorted({path.stem for path in (Path(APP).parent / "pages").glob("*.py")} - LEADING)


@pytest.fixture
def visit(log, monkeypatch):
    """Opens a page by a link, with every widget shown, on a log that has one record."""
    log.append(samples.record())
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda: DEVICE_INFO)
    monkeypatch.setattr("dashboard.shell.loaders.heads", answered)

    def open_link(page, query):
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.session_state["look_into_heads"] = True
        for key, values in query.items():
            app.query_params[key] = values
        if page != START.name:  # whose address AppTest would derive from its file's name
            app.switch_page(f"pages/{page}.py")
        app.run()
        assert not app.exception, app.exception
        return app

    return open_link


def settings(app):
    """The values of the page's bound widgets, by key."""
    return dict(app.session_state[CURRENT])


def errors(app):
    """The link errors on the page, by key."""
    blocks = [code.value for code in app.code if " in the link must be " in code.value]
    lines = [line for block in blocks for line in block.splitlines()]
    return {line.split(" in the link")[0]: line for line in lines}


@pytest.mark.parametrize("page", PAGES)
def test_a_value_no_widget_can_show_is_named_and_the_default_used(visit, page):
    expected = settings(visit(page, {}))
    assert expected
    app = visit(page, {key: ["<b>nonsense"] for key in expected})
    free_text = {"heads_text"} & expected.keys()  # any text of that length will do
    assert errors(app).keys() == expected.keys() - free_text
    assert {k: v for k, v in settings(app).items() if k not in free_text} == {
        k: v for k, v in expected.items() if k not in free_text
    }
    assert all("got '<b>nonsense'" in error for error in errors(app).values())


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_value_is_named_but_where_nothing_can_be_chosen(visit, page):
    expected = settings(visit(page, {}))
    app = visit(page, {key: [""] for key in expected})
    empty = {key: [] for key, value in expected.items() if isinstance(value, list)}
    empty |= dict.fromkeys(OPTIONAL & expected.keys())
    assert errors(app).keys() == expected.keys() - empty.keys()
    assert settings(app) == expected | empty


@pytest.mark.parametrize("page", PAGES)
def test_a_value_given_twice_is_named_but_where_several_can_be_chosen(visit, page):
    expected = settings(visit(page, {}))
    texts = {
        key: str(value).lower() if value in (True, False) else str(value)
        for key, value in expected.items()
        if not isinstance(value, list)
    }
    app = visit(page, {key: [text, text] for key, text in texts.items()})
    assert errors(app).keys() == texts.keys()
    assert settings(app) == expected


@pytest.mark.parametrize("value", ["", "much", "nan", "-1", "1e9"])
def test_a_number_out_of_bounds_is_named(visit, value):
    app = visit("capacity", {"gpu": "typed in GB", "gpu_gb": value})
    assert errors(app).keys() == {"gpu_gb"}
    assert settings(app)["gpu_gb"] == 80.0


def test_too_many_selections_are_named(visit):
    app = visit("kv_cache", {"devices": ["NVIDIA L4"] * 5})
    assert "devices in the link must be at most 4 of its options" in errors(app)["devices"]
    assert len(settings(app)["devices"]) == 3


def test_one_bad_value_leaves_the_others_of_the_link(visit):
    app = visit("head_groups", {"variant": "", "n_heads": "64", "n_kv_heads": "4"})
    assert errors(app).keys() == {"variant"}
    assert settings(app).items() >= {"variant": "GQA", "n_heads": 64, "n_kv_heads": 4}.items()
