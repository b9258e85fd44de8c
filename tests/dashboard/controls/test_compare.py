"""Models compared on the three pages: two actions, kept in the link, imported ones too."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.dashboard.page_probe import (
    answer,
    figure,
    import_box,
    lazy_expander,
    metrics,
    small_tables,
)
from tests.dashboard.page_probe import link as shared_link

CONFIG = (
    '{"num_attention_heads": 16, "num_key_value_heads": 4, "num_hidden_layers": 10, '
    '"hidden_size": 1024, "head_dim": 64}'
)


def compare(app, *names):
    app = app.multiselect(key="compare").set_value([*names]).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("page", ["overview", "kv_cache"])
def test_one_choice_turns_variants_into_models(opened, page):
    app = compare(opened(page), "DeepSeek-V3")
    assert [*metrics(app)][:2] == ["Llama 3 8B (GQA)", "DeepSeek-V3 (MLA)"]
    assert "DeepSeek-V3 (MLA) 0.576 GB (0.536x)" in answer(app).replace("\\", "")
    names = {trace.get("name") for trace in figure(app)["data"]}
    assert {"Llama 3 8B", "DeepSeek-V3"} <= names
    assert not {"MHA", "GQA"} & names
    assert "compare=DeepSeek-V3" in shared_link(app)


def test_capacity_compares_models_with_their_own_weights(opened):
    app = compare(opened("capacity", context_len=32768, n_gpus=4), "Mixtral 8x7B", "GLM-4.5")
    # 4 x H100: Llama's 66 and Mixtral's 48 sequences of 32k; nobody states GLM-4.5's parameters
    assert metrics(app) == {"Llama 3 8B": "66", "Mixtral 8x7B": "48"}
    assert "GLM-4.5 is left out" in answer(app).replace("\\", "")
    table = lazy_expander(app, "compared_plans")
    assert not table.exception
    app = app.switch_page("pages/kv_cache.py").run()  # the choice stays
    assert [*metrics(app)][1:] == ["Mixtral 8x7B (GQA)", "GLM-4.5 (GQA)"]


def test_an_imported_model_is_compared_and_carried_in_the_link(opened):
    app = import_box(opened("kv_cache"))
    app = app.text_area(key="config_text").set_value(CONFIG).run()
    app = app.button(key="config_button").click().run()
    assert app.selectbox(key="model").value == "Imported config"
    app = app.selectbox(key="model").set_value("Llama 3 8B").run()
    assert app.multiselect(key="compare").options[0] == "Imported config"
    app = compare(app, "Imported config")
    assert "Imported config (GQA)" in metrics(app)
    assert "imported_model=" in shared_link(app)
    query = parse_qs(urlsplit(shared_link(app)).query)
    fresh = opened("kv_cache", **query)
    assert not fresh.exception
    assert metrics(fresh) == metrics(app)


def test_the_chosen_model_is_not_offered_and_no_more_than_three_are(opened):
    app = opened("kv_cache")
    offered = app.multiselect(key="compare").options
    assert "Llama 3 8B" not in offered
    assert offered[:2] == ["DeepSeek-V3", "Llama 3 70B"]  # seen without scrolling
    assert len(offered) == len({*offered}) > 90
    assert "32 heads in 8" not in offered  # heads alone are no model
    too_many = opened("kv_cache", compare=["DeepSeek-V3", "GLM-4.5", "Llama 2 7B", "Gemma 2 9B"])
    assert "at most 3 of its options" in " ".join(code.value for code in too_many.code)


def test_layers_differ_in_a_folded_table(opened):
    app = compare(opened("kv_cache"), "Gemma 2 9B")
    app = lazy_expander(app, "fields")
    (table,) = small_tables(app)
    rows = {row.pop("Field"): row for row in table}
    assert rows["Windows"] == {"Llama 3 8B": "none", "Gemma 2 9B": "21 layers of 4,096 tokens"}


def test_moved_sliders_are_compared_as_they_stand(opened):
    app = compare(opened("kv_cache", n_kv_heads=4), "Llama 3 8B")  # with itself, unchanged
    assert next(iter(metrics(app))) == "Llama 3 8B, changed (GQA)"
    assert metrics(app)["Llama 3 8B (GQA)"] == "1.07 GB"
