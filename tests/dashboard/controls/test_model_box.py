"""The model box: names, "Custom, from", links, reset, and a config of the session's own."""

import json

import pytest

from gqa_core import units
from gqa_core.catalog.models import model
from gqa_core.commands import cli
from gqa_core.configs import Workload
from gqa_core.theory.parts import total_bytes
from tests.dashboard.page_probe import import_box, link, meanings, metrics, slider

UNIFORM = {
    "model_type": "made_up",
    "num_hidden_layers": 5,
    "num_attention_heads": 18,
    "num_key_value_heads": 6,
    "head_dim": 72,
    "max_position_embeddings": 4096,
}
MIXED = UNIFORM | {
    "layer_types": ["sliding_attention"] * 3 + ["full_attention", "linear_attention"],
    "sliding_window": 100,
    "<b>odd</b>": "*stars*",
}


def box(app):
    return app.selectbox(key="model").value


def pasted(app, text):
    app = import_box(app)
    app.text_area(key="config_text").set_value(text if isinstance(text, str) else json.dumps(text))
    app = app.button(key="config_button").click().run()
    assert not app.exception
    return app


def refusals(app):
    return [error.value for error in app.error]


def test_a_fresh_page_is_the_model_its_sliders_are(opened):
    app = opened("overview")
    assert box(app) == "Llama 3 8B"
    assert "model=Llama+3+8B" in link(app)
    assert "not in the link" not in " ".join(caption.value for caption in app.caption)


def test_a_moved_slider_makes_it_custom_and_moving_it_back_does_not(opened):
    app = opened("kv_cache", model="Gemma 3 27B")
    assert box(app) == "Gemma 3 27B"
    app = slider(app, "n_kv_heads").set_value(8).run()
    assert box(app) == "Custom, from Gemma 3 27B"
    assert "Custom, from Gemma 3 27B" in app.selectbox(key="model").options
    app = slider(app, "context_len").set_value(512).run()  # no part of the model
    app = slider(app, "n_kv_heads").set_value(16).run()
    assert box(app) == "Gemma 3 27B"
    assert not [option for option in app.selectbox(key="model").options if "Custom" in option]


def test_a_model_moved_away_from_can_be_had_again_and_its_stale_name_sets_nothing(opened):
    app = slider(opened("overview", model="Gemma 3 27B"), "n_layers").set_value(61).run()
    app = app.selectbox(key="model").set_value("Gemma 3 27B").run()  # a browser yet to hear of it
    assert (box(app), slider(app, "n_layers").value) == ("Custom, from Gemma 3 27B", 61)
    app = app.selectbox(key="model").set_value("Gemma 3 27B, as it is").run()
    assert (box(app), slider(app, "n_layers").value) == ("Gemma 3 27B", 62)


@pytest.mark.parametrize("named", ["gpt-oss 20B", "Custom, from gpt-oss 20B"])
def test_a_link_with_a_model_and_an_edit_restores_both(opened, named):
    app = opened("kv_cache", model=named, n_kv_heads=16)
    assert box(app) == "Custom, from gpt-oss 20B"
    assert "variant=" not in link(app)  # set by the model, and shown on another page
    assert {key: slider(app, key).value for key in ("n_heads", "head_dim", "n_layers")} == {
        "n_heads": 64,
        "head_dim": 64,
        "n_layers": 24,
    }
    # 12 layers of 8192 tokens and 12 of 128, 2 x 16 x 64 elements of 2 B
    n_bytes = 12 * (8192 + 128) * 2 * 16 * 64 * 2
    assert meanings(app)["GQA cache"].startswith(units.capacity(n_bytes))


def test_reset_clears_the_model_too(opened):
    app = opened("overview", model="gpt-oss 20B", n_layers=32)
    app = app.button(key="reset_button").click().run()
    assert (box(app), slider(app, "n_layers").value) == ("Llama 3 8B", 32)
    assert metrics(app)["GQA cache"] == "1.07 GB"


def test_an_unknown_model_in_a_link_is_said(opened):
    app = opened("overview", model="Some model")
    assert box(app) == "Llama 3 8B"
    assert any("model in the link must be one of its options" in code.value for code in app.code)


@pytest.mark.parametrize(
    ("name", "row"),
    [("Falcon 180B", "GQA"), ("Gemma 4 31B", "GQA"), ("GLM-5", "MLA"), ("Qwen3.5-27B", "GQA")],
)
@pytest.mark.parametrize("page", ["overview", "kv_cache"])
def test_a_chosen_model_s_metric_is_its_own_cache(opened, page, name, row):
    app = opened(page)
    app = app.selectbox(key="model").set_value(name).run()
    assert not app.exception
    n_bytes = total_bytes(model(name).config, Workload(context_len=8192), "bf16")
    assert meanings(app)[f"{row} cache"].startswith(units.capacity(n_bytes))
    assert box(app) == name


@pytest.mark.parametrize("name", ["Falcon 180B", "Gemma 4 31B", "DeepSeek-V3", "GPT-2 XL"])
def test_a_measuring_page_takes_the_heads_and_the_head_map_what_the_model_has(opened, name):
    app = opened("decode")
    app = app.selectbox(key="model").set_value(name).run()
    assert not app.exception
    app = app.switch_page("pages/head_groups.py").run()
    assert not app.exception
    assert box(app) in (name, f"Custom, from {name}")


@pytest.mark.parametrize("config", [UNIFORM, MIXED], ids=["alike", "mixed"])
def test_a_pasted_config_is_a_model_with_the_command_line_s_bytes(opened, config, tmp_path, capsys):
    app = pasted(opened("kv_cache", context_len=512, batch_size=4), config)
    assert refusals(app) == []
    assert box(app) == "Imported config"
    values = {key: slider(app, key).value for key in ("n_heads", "n_kv_heads", "head_dim")}
    assert values == {"n_heads": 18, "n_kv_heads": 6, "head_dim": 72}
    assert slider(app, "n_layers").value == 5
    (line,) = [code.value for code in app.code if code.value.startswith("python -m gqa_core")]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    arguments = line.split()[3:]
    assert cli.main([str(path) if word == "CONFIG.json" else word for word in arguments]) == 0
    record = json.loads(capsys.readouterr().out)
    assert meanings(app)["GQA cache"].startswith(units.capacity(record["kv_cache_bytes"]))
    message = " ".join(block.value for block in app.markdown)
    assert units.exact_bytes(record["kv_cache_bytes"]) in message
    assert units.exact_bytes(record["kv_cache_bytes_as_allocated"]) in message


def test_what_the_config_says_is_told_letter_by_letter(opened):
    app = pasted(opened("overview", context_len=8192), MIXED)
    texts = [code.value for code in app.code]
    assert any("<b>odd</b>" in text for text in texts)  # among the keys ignored
    assert any("beyond the config's own maximum of 4096" in text for text in texts)
    table = next(f.value for f in app.dataframe if "Window (tokens)" in f.value.columns)
    assert table["Kind"].tolist() == ["window", "full", "linear attention"]
    assert table["Layers"].tolist() == [3, 1, 1]
    assert not any("<b>odd</b>" in block.value for block in (*app.markdown, *app.caption))


def test_an_uploaded_config_is_offered_under_its_file_s_name_on_every_page(opened):
    app = import_box(opened("overview"))
    app.file_uploader(key="config_file").set_value(
        ("my <i>model</i>.json", json.dumps(UNIFORM).encode(), "application/json")
    )
    app = app.run()
    assert not app.exception
    name = "Imported: my i model i .json"
    assert box(app) == name
    assert "&imported_model=1." in link(app)
    app = app.switch_page("pages/decode.py").run()
    assert (box(app), slider(app, "n_heads").value) == (name, 18)
    app = app.switch_page("pages/kv_cache.py").run()
    assert (box(app), slider(app, "n_layers").value) == (name, 5)
    app = slider(app, "n_kv_heads").set_value(3).run()
    assert box(app) == f"Custom, from {name}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got no text"),
        ("not json", "config must be one JSON object"),
        ('["<script>"]', "config must be one JSON object: got a list of 1"),
        ('{"num_hidden_layers": 2}', "must"),
        ('{"a":' * 5000, "config must be"),
        (json.dumps(UNIFORM | {"cache_window_odd": 7}), "cache_window_odd"),
        (json.dumps(UNIFORM | {"num_hidden_layers": 10**30}), "num_hidden_layers"),
        (json.dumps(UNIFORM | {"head_dim": 1024}), "not shown beside MLA: qk_nope_head_dim"),
    ],
)
def test_what_is_no_config_is_refused_in_one_sentence_and_the_sliders_stay(opened, text, message):
    app = pasted(opened("overview"), text)
    (refusal,) = refusals(app)
    assert message in refusal.replace("\\", "")
    assert "\n" not in refusal
    assert (box(app), slider(app, "n_layers").value) == ("Llama 3 8B", 32)


@pytest.mark.parametrize(
    "odd",
    [
        {"num_attention_heads": 1, "num_key_value_heads": 1},
        {"num_attention_heads": 1024, "num_key_value_heads": 1024, "head_dim": 512},
        {"num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 1},
        {"num_hidden_layers": 1000, "num_key_value_heads": 1, "v_head_dim": 7},
        {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 9, "v_head_dim": 900},
        MIXED | {"swa_num_attention_heads": 16, "swa_num_key_value_heads": 4, "swa_head_dim": 16},
    ],
)
def test_odd_models_show_on_every_page(opened, odd):
    app = pasted(opened("overview"), UNIFORM | odd)
    assert refusals(app) == []
    for page in ("head_groups", "kv_cache", "decode", "equivalence"):
        app = app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, page
        assert box(app) == "Imported config"


def test_a_refused_config_leaves_the_one_before(opened):
    app = pasted(pasted(opened("overview"), UNIFORM), "nonsense")
    assert refusals(app)
    assert box(app) == "Imported config"
    app = pasted(app, MIXED)
    assert refusals(app) == []
