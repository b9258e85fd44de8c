"""Query heads of any number, and K/V heads that divide them and come back to what was chosen."""

import pytest

from dashboard.controls.kv_heads import nearest_divisor
from tests.dashboard.page_probe import slider


@pytest.fixture
def opened(opened):
    return lambda page="overview", **query: opened(page, **query)


def notices(app):
    return [info.value for info in app.info if "do not divide" in info.value]


def link_errors(app):
    return [code.value for code in app.code if " in the link must be " in code.value]


def kv_heads(app, n_heads):
    """The page with so many query heads, and its K/V heads."""
    app = slider(app, "n_heads").set_value(n_heads).run()
    assert not app.exception
    return app, slider(app, "n_kv_heads").value


@pytest.mark.parametrize(
    ("n_heads", "chosen", "used"),
    [
        (32, 8, 8),
        (28, 8, 7),
        (997, 8, 1),
        (25, 8, 5),
        (36, 8, 9),
        (9, 6, 3),
        (32, 12, 8),
        (1, 8, 1),
    ],
)
def test_the_nearest_divisor_is_used_of_two_the_smaller(n_heads, chosen, used):
    assert nearest_divisor(n_heads, chosen) == used


def test_the_chosen_number_comes_back_with_the_next_that_it_divides(opened):
    app = opened()
    for n_heads, used in ((28, 7), (27, 9), (25, 5), (997, 1), (40, 8), (1024, 8)):
        app, shown = kv_heads(app, n_heads)
        assert shown == used
        expected = f"8 K/V heads do not divide {n_heads} query heads: {used} used."
        assert notices(app) == [expected] * (used != 8)
    app = slider(app, "n_kv_heads").set_value(512).run()
    assert notices(app) == []
    app, shown = kv_heads(app, 30)
    assert (shown, notices(app)) == (30, ["512 K/V heads do not divide 30 query heads: 30 used."])


def test_a_number_set_by_hand_is_a_choice_of_its_own(opened):
    app, _ = kv_heads(opened(), 28)
    app = slider(app, "n_kv_heads").set_value(14).run()
    app = slider(app, "n_kv_heads").set_value(7).run()
    assert notices(app) == []
    app, shown = kv_heads(app, 35)
    assert (shown, notices(app)) == (7, [])


def test_a_model_s_number_is_its_own_and_reset_forgets_the_choice(opened):
    app = opened(n_heads=40, n_kv_heads=5)
    app, shown = kv_heads(app, 28)
    assert (shown, len(notices(app))) == (4, 1)
    app = app.selectbox(key="model").set_value("Qwen2-7B").run()  # its own 4 of 28
    assert (slider(app, "n_kv_heads").value, notices(app)) == (4, [])
    app, _ = kv_heads(app, 9)
    app = app.button(key="reset_button").click().run()
    assert (slider(app, "n_heads").value, slider(app, "n_kv_heads").value) == (32, 8)
    assert notices(app) == []


def test_the_choice_goes_along_to_another_page(opened):
    app, _ = kv_heads(opened(), 28)
    app = app.switch_page("pages/decode.py").run()
    assert notices(app) == ["8 K/V heads do not divide 28 query heads: 7 used."]
    app, shown = kv_heads(app, 48)
    assert (shown, notices(app)) == (8, [])


def test_a_link_s_own_number_is_no_notice(opened):
    app = opened(n_heads=28, n_kv_heads=7)
    assert (slider(app, "n_kv_heads").value, notices(app), link_errors(app)) == (7, [], [])


@pytest.mark.parametrize("n_heads", ["0", "-8", "1025", "1000000000", "8.5", "1e2", "", "<b>"])
def test_a_number_of_heads_out_of_bounds_is_named_and_the_default_used(opened, n_heads):
    app = opened(n_heads=n_heads)
    assert not app.exception
    (error,) = link_errors(app)
    assert f"n_heads in the link must be a whole number from 1 to 1024: got '{n_heads}'" in error
    assert (slider(app, "n_heads").value, slider(app, "n_kv_heads").value) == (32, 8)


def test_a_prime_number_of_heads_has_mqa_or_mha(opened):
    app = opened(n_heads=997, n_kv_heads=8)
    assert not app.exception
    assert [int(option) for option in slider(app, "n_kv_heads").options] == [1, 997]
    assert slider(app, "n_kv_heads").value == 1
    (error,) = link_errors(app)
    assert "n_kv_heads in the link must be one of its options: got '8', 1 used" in error


@pytest.mark.parametrize(
    ("page", "query", "used"),
    [
        ("kv_cache", {"n_kv_heads": "5"}, 4),
        ("kv_cache", {"n_kv_heads": "0"}, 8),
        ("kv_cache", {"n_kv_heads": "<b>"}, 8),
        ("kv_cache", {"n_kv_heads": ["4", "2"]}, 8),
        ("kv_cache", {"n_kv_heads": "9" * 5000}, 32),
        ("choose", {"n_heads": 48, "n_kv_heads": "7"}, 6),
        ("kv_cache", {"model": "DeepSeek-V3", "n_kv_heads": "3"}, 2),
        ("kv_cache", {"n_heads": 28, "n_kv_heads": "x"}, 7),
    ],
)
def test_the_number_that_a_link_s_fault_names_is_the_one_that_is_used(opened, page, query, used):
    app = opened(page, **query)
    assert not app.exception
    (error,) = link_errors(app)
    assert error.endswith(f", {used} used")
    assert slider(app, "n_kv_heads").value == used
    if used not in (8, 7):  # other than the default, a reload needs it in the address
        assert app.query_params["n_kv_heads"] in (str(used), [str(used)])
    app = app.button(key="reset_button").click().run()
    assert (slider(app, "n_kv_heads").value, link_errors(app)) == (8, [])
