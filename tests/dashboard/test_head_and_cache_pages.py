"""The pages Head groups and KV cache, driven by key: presets, variants, words and points."""

import pytest
from msgspec.structs import replace

from dashboard.views import head_selection
from gqa_core.configs import GroupedConfig
from tests.dashboard.example_settings import DEVICE_INFO
from tests.dashboard.page_probe import (
    answer,
    captions,
    choose,
    figure,
    lazy_expander,
    metrics,
    page_texts,
    slider,
    small_tables,
    values,
)
from tests.records import fake_records as samples

DEEPSEEK = "DeepSeek at 100,000 tokens"
MEASURED = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 32, "n_layers": 1, "kv_format": "fp32"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("32 heads in 8", {"n_heads": 32, "n_kv_heads": 8}),
        ("128 heads in 8 (16x)", {"n_heads": 128, "n_kv_heads": 8}),
        ("Llama 3 8B", {"n_heads": 32, "n_kv_heads": 8, "head_dim": 128, "n_layers": 32}),
        ("Llama 3 70B", {"n_heads": 64, "n_kv_heads": 8, "head_dim": 128, "n_layers": 80}),
        (DEEPSEEK, {"n_heads": 128, "n_layers": 61, "context_len": 100000, "kv_format": "bf16"}),
    ],
)
@pytest.mark.parametrize("page", ["head_groups", "kv_cache"])
def test_a_preset_sets_the_sliders_and_stays_chosen(opened, page, name, expected):
    app = opened(page, n_heads=2, n_kv_heads=1, head_dim=64, batch_size=4, kv_format="fp8")
    assert app.selectbox(key="model").value == "Custom, from Llama 3 8B"
    app = choose(app, f"{name}, as it is" if name == "Llama 3 8B" else name)
    assert values(app).items() >= expected.items()
    assert app.selectbox(key="model").value == name


def test_a_moved_slider_leaves_no_wrong_name_standing(opened):
    app = choose(opened("head_groups"), "Llama 3 70B")
    app = slider(app, "n_layers").set_value(61).run()
    assert app.selectbox(key="model").value == "Custom, from Llama 3 70B"


def test_deepseek_s_preset_shows_the_lecture_s_numbers_and_where_they_hold(opened):
    app = opened("kv_cache").button(key="example_button").click().run()
    assert app.selectbox(key="model").value == DEEPSEEK
    assert metrics(app) == {
        "MHA cache": "400 GB",
        "GQA cache": "25 GB",
        "MQA cache": "3.12 GB",
        "MLA cache": "7.03 GB",
    }
    sentence = answer(app)
    for part in ("MHA keeps 400 GB", "MQA 3.12 GB (128x smaller)", "MLA 7.03 GB"):
        assert part in sentence
    assert "2 x 128 x 128 x 61 layers x 2 B x 100000 tokens x 1 = 399,769,600,000 B" in page_texts(
        app
    )


def test_the_button_of_the_lecture_s_example_leads_back(opened):
    app = opened("kv_cache").button(key="example_button").click().run()
    assert app.button(key="example_button").label == "Back to Llama 3 8B"
    app = app.button(key="example_button").click().run()
    assert app.selectbox(key="model").value == "Llama 3 8B"
    assert app.button(key="example_button").label.startswith("The lecture's 400 GB")


def test_a_width_that_a_format_cannot_have_is_not_offered_it(opened):
    app = opened("kv_cache", head_dim=80, kv_format="q8_0")  # llama.cpp stores blocks of 32
    assert not app.exception
    assert values(app)["kv_format"] == "bf16"
    assert not {"q8_0", "q4_0", "iq4_nl"} & set(slider(app, "kv_format").options)
    app = opened("kv_cache", head_dim=128, kv_format="q8_0")
    assert values(app)["kv_format"] == "q8_0"
    slider(app, "head_dim").set_value(80).run()
    assert not app.exception
    assert values(app)["kv_format"] == "bf16"


def test_the_lecture_s_own_400_gb_stand_whatever_the_sliders(opened):
    app = opened("kv_cache", n_heads=16)
    assert "61 layers, 128 heads of width 128, bf16, batch 1" in page_texts(app)
    assert "100,058 tokens" in page_texts(app)
    assert "100,058 tokens" not in answer(app)
    staircase = app.get("plotly_chart")[1]
    assert "MHA 400 GB, 5 GPUs; GQA 25 GB, 1 GPU; MLA 7.03 GB, 1 GPU" in staircase.proto.alt


def test_the_lecture_s_groups_are_told_in_words(opened):
    app = opened("head_groups")
    assert app.button_group(key="variant").value == "GQA"
    assert "8 K/V heads (G = 8 groups), 4 queries each" in page_texts(app)
    assert "4 heads in each group" in answer(app)
    app = app.selectbox(key="part").set_value("K/V head 3").run()
    assert "**K/V head 3** is read by query heads 12 to 15" in page_texts(app)
    assert len(small_tables(app)[0]) == 8
    assert metrics(app)["Smaller than MHA"] == "4x"


def test_many_parts_are_a_grid(opened):
    app = opened("head_groups", n_heads=64, n_kv_heads=32)
    assert len(app.dataframe[0].value) == 32
    assert not small_tables(app)


def test_every_variant_can_be_shown_and_the_part_follows(opened):
    app = opened("head_groups", n_heads=16, n_kv_heads=4, part="K/V head 3")
    for variant, n_parts in (("MHA", 16), ("MQA", 1), ("MLA", 2), ("GQA", 4)):
        app = app.button_group(key="variant").set_value(variant).run()
        assert not app.exception
        assert len(small_tables(app)[0]) == n_parts
    app = slider(app, "n_kv_heads").set_value(16).run()
    assert not app.exception
    assert app.button_group(key="variant").value == "MHA"
    app = slider(app, "n_kv_heads").set_value(1).run()
    assert "is MQA" in app.info[0].value
    assert not app.exception


def test_the_empty_state_says_which_settings_are_measured(opened, log):
    assert "Measure some on the page Decode" in captions(opened("kv_cache"))
    attention = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=32)
    log.append(samples.record(spec=samples.point(attention, context_len=512)))
    note = captions(opened("kv_cache"))
    assert "8 query heads, 2 K/V heads, width 32, 1 layer, batch 1, fp32" in note


def test_a_logged_cache_is_a_marker_on_a_chart_of_as_many_layers(opened, log, monkeypatch):
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda: DEVICE_INFO)
    attention = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=32)
    log.append(samples.record(spec=samples.point(attention, context_len=512)))
    app = opened("kv_cache", **MEASURED)
    assert "No measured cache" not in captions(app)
    names = [trace.get("name") for trace in figure(app)["data"]]
    assert "GQA (live tensors, measured)" in names
    unfolded = lazy_expander(app, "measured_caches")
    assert "Tensors error (%)" in unfolded.dataframe[0].value
    app = slider(app, "n_layers").set_value(2).run()
    names = [trace.get("name") for trace in figure(app)["data"]]
    assert not [name for name in names if "measured" in name]
    assert "1 layer, batch 1" in captions(app)


def test_another_device_s_cache_is_not_called_measured_here(opened, log, monkeypatch):
    monkeypatch.setattr(
        "dashboard.shell.loaders.device", lambda: replace(DEVICE_INFO, name="B CPU")
    )
    attention = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=32)
    log.append(samples.record(spec=samples.point(attention, context_len=512)))
    assert "another device only: A CPU" in captions(opened("kv_cache", **MEASURED))


def test_ceilings_are_the_devices_chosen(opened):
    app = opened("kv_cache")
    app = app.multiselect(key="devices").set_value(["NVIDIA L40S"]).run()
    (ceilings,) = [t for t in figure(app)["data"] if t["name"] == "ceilings"]
    assert ceilings["text"] == ["NVIDIA L40S: 48 GB", "NVIDIA L40S: 48 GB", ""]
    assert "NVIDIA L40S GPU datasheet" in page_texts(app)


def test_a_format_that_mla_alone_cannot_have_leaves_its_row_out_and_says_so(opened):
    app = opened("head_groups", head_dim=96, kv_format="q8_0", variant="MLA")  # 4.5 x 96 = 432
    assert app.segmented_control(key="variant").value == "GQA"
    assert "MLA of these widths cannot be stored in q8_0" in app.info[0].value
    app = opened("kv_cache", head_dim=96, kv_format="q8_0")
    assert [*metrics(app)] == ["MHA cache", "GQA cache", "MQA cache"]


def test_mla_is_shown_in_steps_beside_its_heads_and_the_selected_part_is_marked(opened):
    app = opened("head_groups", n_heads=128, variant="MLA", part="RoPE key")
    assert not app.exception
    charts = [chart.proto.id.rsplit("-", 1)[-1] for chart in app.get("plotly_chart")]
    assert charts == ["head_map", "mla_steps"]
    forms, parts = small_tables(app)
    assert [row["Elements per token"] for row in forms] == ["40960", "576"]
    assert [row["Cached part"] for row in parts] == ["latent", "RoPE key, selected"]
    app = app.button_group(key="variant").set_value("GQA").run()
    assert len(app.get("plotly_chart")) == 1


def test_a_click_on_a_head_selects_what_it_reads(monkeypatch):
    state = {head_selection.KEY: {"selection": {"points": [{"customdata": ["K/V head 5"]}]}}}
    monkeypatch.setattr(head_selection.st, "session_state", state)
    head_selection._select()
    assert state["part"] == "K/V head 5"
    state[head_selection.KEY]["selection"]["points"] = []  # a click beside the heads
    head_selection._select()
    assert state["part"] == "K/V head 5"
