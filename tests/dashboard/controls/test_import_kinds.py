"""Imports beside a config.json: GGUF, `ollama show`, a path, and models of more than K and V."""

import json

import pytest
import streamlit as st

from dashboard.controls.imports import IMPORTS
from gqa_core.configs import ModelConfig, RecurrentState
from tests.dashboard.controls.test_model_box import UNIFORM, box, pasted, refusals
from tests.dashboard.page_probe import (
    import_box,
    lazy_expander,
    metrics,
    page_texts,
    slider,
    small_tables,
)
from tests.model_files.gguf_writer import LLAMA, gguf_bytes

OLLAMA = """
  Model
    architecture        llama
    parameters          8.0B
    context length      8192
    embedding length    4096
    quantization        Q4_0

  Metadata
    general.architecture                llama
    llama.attention.head_count          32
    llama.attention.head_count_kv       8
    llama.block_count                   16
    llama.embedding_length              4096
"""
UNKNOWN_WEIGHTS = UNIFORM  # neither its width nor its vocabulary is given


def uploaded(app, name, data):
    app = import_box(app)
    app.file_uploader(key="config_file").set_value((name, data, "application/octet-stream"))
    app = app.run()
    assert not app.exception
    return app


def by_path(app, path):
    app = import_box(app)
    app = app.text_input(key="config_path").set_value(str(path)).run()
    assert not app.exception
    return app


@pytest.fixture
def allowed(monkeypatch):
    monkeypatch.setenv("GQA_LOCAL_FILES", "1")


def test_a_gguf_file_is_read_from_its_header(opened):
    app = uploaded(opened("kv_cache"), "model.gguf", gguf_bytes(LLAMA | {"llama.block_count": 12}))
    assert box(app) == "Imported: model.gguf"
    assert slider(app, "n_layers").value == 12
    assert metrics(app)["GQA cache"] == "0.403 GB"  # 12 x 2 x 8 x 128 x 2 B x 8192 tokens


def test_a_hostile_header_is_refused_in_a_sentence_and_the_sliders_stay(opened):
    app = uploaded(opened("kv_cache"), "model.gguf", b"GGUF" + b"\xff" * 64)
    (refusal,) = refusals(app)
    assert refusal.endswith(".")
    assert (box(app), slider(app, "n_layers").value) == ("Llama 3 8B", 32)


def test_what_ollama_shows_is_read_from_its_text(opened):
    app = pasted(opened("kv_cache"), OLLAMA)
    assert not refusals(app)
    assert slider(app, "n_layers").value == 16


def test_a_path_is_offered_only_where_the_server_is_the_user_s_own(opened, monkeypatch):
    assert not import_box(opened("kv_cache")).text_input
    monkeypatch.setenv("GQA_LOCAL_FILES", "1")
    assert import_box(opened("kv_cache")).text_input(key="config_path")
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0")
    assert not import_box(opened("kv_cache")).text_input


def test_a_file_and_a_folder_are_read_by_path(opened, allowed, tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_bytes(LLAMA | {"llama.block_count": 12}))
    app = by_path(opened("kv_cache"), path)
    assert (box(app), slider(app, "n_layers").value) == ("Imported: model.gguf", 12)
    (tmp_path / "config.json").write_text(json.dumps(UNIFORM))
    app = by_path(app, tmp_path)
    assert slider(app, "n_layers").value == 5
    app = by_path(app, tmp_path / "none")
    assert "path must be a file or folder" in refusals(app)[0].replace("\\", "")
    assert slider(app, "n_layers").value == 5


def test_an_import_leaves_no_weights_of_another_model(opened):
    app = pasted(opened("capacity"), UNKNOWN_WEIGHTS)
    assert app.number_input(key="weights_gb").value is None
    assert "Type it in GB beside the model" in app.warning[0].value
    assert not metrics(app)


def test_an_imported_hybrid_draws_and_adds_its_parts(opened, monkeypatch):
    state = RecurrentState(kind="linear attention", n_layers=3, recurrent_elements=1000)
    app = pasted(opened("kv_cache", context_len=512), UNIFORM)
    config = app.session_state[IMPORTS]["Imported config"]
    parsed = config.config
    model = ModelConfig(
        layer_groups=parsed.model.layer_groups, n_cacheless_layers=3, states=(state,)
    )
    object.__setattr__(parsed, "model", model)
    app = slider(app.run(), "n_layers").set_value(8).run()
    assert not app.exception
    table = next(table for table in small_tables(lazy_expander(app, "parts")) if "Part" in table[0])
    assert [row["Part"] for row in table] == [
        "token cache",
        "state (linear attention)",
        "all parts",
    ]
    assert "12,000 B of state (linear attention)" in page_texts(app)


def test_a_cache_format_that_the_file_asks_for_sets_its_slider_and_any_other_is_still_the_model(
    opened,
):
    scheme = {"kv_cache_scheme": {"num_bits": 8, "type": "float"}}
    app = pasted(opened("kv_cache"), UNIFORM | {"quantization_config": scheme})
    assert slider(app, "kv_format").value == "fp8"
    slider(app, "kv_format").set_value("bf16").run()
    assert not app.exception
    assert box(app) == "Imported config"
