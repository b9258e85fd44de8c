"""The page that recommends K/V heads: its answers, limits, and what it refuses to answer."""

import json
import shlex

import pytest

from gqa_core.commands.cli import main
from tests.dashboard.page_probe import answer, choose, lazy_expander, metrics, page_texts, slider


@pytest.fixture
def page(opened):
    def open_page(**query):
        app = opened("choose", **query)
        assert not app.exception
        return app

    return open_page


def bars(app):
    return json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]


def test_24_heads_for_100_users_of_8k_on_one_h100_are_one_typed_number(page):
    app = page()
    slider(app, "n_heads").set_value(24).run()
    # 81,091 MiB x 0.9 - 16.06 GB - 1.28 GiB = 59.09 GB; 4 heads of 32 layers: 536.9 MB a user
    assert answer(app) == (
        "**Take 4 K/V heads, the most with which 1 x NVIDIA H100 SXM can serve 100 users of 8,192 "
        "tokens.** With 6 K/V heads, 73 users of 8,192 tokens fit, 70 to count on, 100 wanted."
    )
    assert metrics(app)["Users that fit"] == "110"
    assert bars(app)["x"][4] == 110
    fit = r"55 users of 8\,192 tokens fit\, 53 to count on\, 100 wanted\."
    assert rf"The sliders have 8 K\/V heads\: {fit}" in page_texts(app)


def test_limits_stand_in_the_link_and_move_the_answer(page):
    app = page(n_heads=24, users=900, max_ms=50, n_gpus=2, gpu="NVIDIA H200 SXM")
    assert "2 x NVIDIA H200 SXM can serve 900 users" in answer(app)
    assert "within 50 ms per token" in answer(app)
    app = slider(app, "users").set_value(1_000_000).run()
    assert answer(app).startswith("**No candidate passes")
    assert metrics(app)["Closest, does not pass"] == "2 K/V heads"  # each GPU has one of them


def test_the_candidates_do_not_depend_on_the_sliders_kv_heads(page):
    app = choose(page(), "Gemma 4 31B")  # 10 of its layers have 4 K/V heads, the others 16
    before = bars(app)["x"]
    app = slider(app, "n_kv_heads").set_value(4).run()
    assert bars(app)["x"] == before
    assert "Gemma 4 31B" in "".join(
        json.loads(app.get("plotly_chart")[0].proto.spec)["data"][-1]["hovertext"]
    )


def test_unknown_weights_are_no_answer_until_they_are_typed(page):
    app = choose(page(), "Gemma 3 12B")
    assert answer(app) is None
    assert not metrics(app)
    assert len(app.get("plotly_chart")) == 1  # what published models chose
    assert "Weights in total (GB)" in app.warning[0].value
    app = slider(app, "weights_gb").set_value(24.0).run()
    assert answer(app)
    assert not app.warning


def test_weights_of_a_smaller_model_are_no_answer_and_those_of_a_larger_one_are_named(page):
    whose = "The weights are those of Llama 3 8B, with 32 query heads of 128 and 32 layers."
    app = page(n_heads=40)
    assert answer(app) is None
    assert app.warning[0].value.startswith(whose)
    app = slider(app, "weights_gb").set_value(25.0).run()
    assert answer(app)  # typed: they are this model's
    app = page(n_layers=40)
    assert answer(app) is None
    app = page(n_heads=24)
    assert answer(app)
    assert whose in page_texts(app).replace("\\", "")
    assert whose not in page_texts(page(n_kv_heads=4)).replace("\\", "")


def test_a_model_with_mla_is_asked_about_its_own(page):
    app = choose(page(users=10, n_gpus=8, gpu="NVIDIA B200 SXM"), "DeepSeek-V3")
    assert answer(app).startswith("**No candidate passes")  # 1,342 GB in 16 bits
    app = slider(app, "weights_gb").set_value(688.6).run()
    assert answer(app).startswith("**Keep MLA with a latent of 512, the model's own")


def test_time_cannot_be_limited_for_a_gpu_without_a_published_bandwidth(page):
    app = page(gpu="typed in GB", max_ms=10)
    assert answer(app) is None
    assert "bandwidth_bytes_per_s must be known" in app.warning[0].value
    app = page(gpu="typed in GB")
    assert "1 x 80 GB GPU" in answer(app)
    assert "Time of a step" not in metrics(app)


def test_tables_are_folded_and_the_command_gives_the_same_answer(page, capsys, log):
    app = lazy_expander(page(n_heads=24), "choice")
    assert app.dataframe[0].value["Verdict"][4] == "recommended"
    (command,) = [code.value for code in app.code if "advise" in code.value]
    assert main([*shlex.split(command)[3:], "--log", str(log.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] in answer(app)
    app = lazy_expander(app, "choice_published")
    assert "GQA paper, Table 1" in page_texts(app)


@pytest.mark.parametrize("n_heads", [1, 71, 128, 840])
def test_any_number_of_heads_has_an_answer(page, n_heads):
    app = page(n_heads=n_heads, weights_gb=40)
    assert answer(app)
    assert len(bars(app)["x"]) == 1 + sum(n_heads % count == 0 for count in range(1, n_heads + 1))
