"""The variant shown beside a K/V slider that passes through MQA and MHA."""

import pytest

from tests.dashboard.page_probe import choose, metrics, slider

PAGES = pytest.mark.parametrize("page", ["capacity", "head_groups"])


def shown(app):
    return app.segmented_control(key="variant").value


def moved(app, n_kv_heads):
    app = slider(app, "n_kv_heads").set_value(n_kv_heads).run()
    assert not app.exception
    return app


@PAGES
def test_the_slider_back_from_an_end_shows_gqa_again(opened, page):
    app = opened(page)
    steps = [(8, "GQA"), (1, "MQA"), (32, "MHA"), (1, "MQA"), (4, "GQA"), (32, "MHA"), (2, "GQA")]
    for n_kv_heads, expected in steps:
        app = moved(app, n_kv_heads)
        assert shown(app) == expected


def test_the_headline_follows_the_slider_back(opened):
    app = opened("capacity")
    before = metrics(app)
    app = moved(moved(app, 1), 8)
    assert metrics(app) == before
    assert "GQA" in next(iter(before))


@PAGES
def test_a_choice_stands_whatever_the_slider_does(opened, page):
    app = moved(opened(page), 1)
    app = app.segmented_control(key="variant").set_value("MLA").run()
    assert shown(moved(app, 8)) == "MLA"
    app = app.segmented_control(key="variant").set_value("MQA").run()
    for n_kv_heads in (1, 8):
        app = moved(app, n_kv_heads)
        assert shown(app) == "MQA"


@PAGES
def test_a_link_to_one_kv_head_shows_what_gqa_is_and_then_gqa(opened, page):
    app = opened(page, n_kv_heads=1)
    assert shown(app) == "MQA"
    assert shown(moved(app, 8)) == "GQA"


@PAGES
def test_a_link_s_own_variant_stands(opened, page):
    app = opened(page, n_kv_heads=1, variant="MQA")
    assert shown(app) == "MQA"
    assert shown(moved(app, 8)) == "MQA"


def test_a_model_s_own_variant_stands(opened):
    app = choose(moved(opened("capacity"), 1), "Falcon 7B")
    assert shown(app) == "MQA"
    app = app.button(key="reset_button").click().run()
    assert shown(app) == "GQA"


@PAGES
def test_a_choice_stays_in_the_address_though_it_is_what_gqa_is(opened, page):
    app = opened(page, n_kv_heads=32)
    assert (shown(app), "variant" in app.query_params) == ("MHA", False)
    for name in ("MLA", "MHA"):
        app = app.segmented_control(key="variant").set_value(name).run()
        assert app.query_params["variant"] == name
    app = moved(app, 16)
    assert (shown(app), app.query_params["variant"]) == ("MHA", "MHA")
    app = app.segmented_control(key="variant").set_value("GQA").run()
    assert "variant" not in app.query_params


@PAGES
def test_a_link_to_what_gqa_is_keeps_its_variant(opened, page):
    app = opened(page, n_kv_heads=32, variant="MHA")
    assert app.query_params["variant"] == "MHA"
    assert shown(moved(app, 8)) == "MHA"
