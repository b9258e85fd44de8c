"""Models from whatever describes them: the bytes decide, and a refusal says what to give."""

import json
from io import BytesIO

import pytest

from gqa_core.model_files.read import read_folder, read_model, read_model_file
from gqa_core.theory.memory import kv_bytes_per_token
from tests.hf_config.configs import LLAMA as LLAMA_CONFIG
from tests.model_files.gguf_writer import LLAMA, gguf_bytes

SHORT = """  Model
    architecture        llama
    parameters          8.0B
    context length      131072
    embedding length    4096
    quantization        Q4_K_M
"""
VERBOSE = f"""{SHORT}
  Metadata
    general.architecture             llama
    general.parameter_count          8.030261312e+09
    llama.attention.head_count       32
    llama.attention.head_count_kv    8
    llama.block_count                32
    llama.context_length             1.048576e+06
    llama.embedding_length           4096
    tokenizer.ggml.add_bos_token     true
    tokenizer.ggml.tokens            [! " # ...+128253 more]
"""
TENSORS = """
  Tensors
    output_norm.weight    F32     [4096]
    token_embd.weight     Q4_K    [4096 128256]
"""
TOTAL = {"metadata": {"total_size": 16_060_522_496}, "weight_map": {"a": "model-1.safetensors"}}


@pytest.mark.parametrize(
    "data",
    [
        gguf_bytes(LLAMA),
        json.dumps(LLAMA_CONFIG).encode(),
        b"\xef\xbb\xbf\n" + json.dumps(LLAMA_CONFIG).encode(),
        VERBOSE.encode(),
        VERBOSE.replace("\n", "\r\n").encode(),
        json.dumps({"model_info": LLAMA | {"tokenizer.ggml.tokens": None}}).encode(),
    ],
)
def test_one_model_in_every_form(data):
    for config in (read_model(data), read_model_file(BytesIO(data), len(data))):
        assert kv_bytes_per_token(config.model, "bf16") == 131_072
    assert kv_bytes_per_token(read_model_file(BytesIO(data), None).model, "bf16") == 131_072


def test_ollama_show_states_parameters_and_sizes_of_tensors():
    config = read_model(VERBOSE)
    assert config.estimated_params == 8_030_261_312
    assert config.max_context_len == 2**20
    assert config.estimated_weight_bytes is None
    with_tensors = read_model(VERBOSE + TENSORS)
    assert with_tensors.estimated_params == 4096 + 4096 * 128_256
    assert with_tensors.estimated_weight_bytes == 4 * 4096 + 4096 * 128_256 // 256 * 144
    assert with_tensors.weight_format == "q4_k"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SHORT, "must list block_count and attention.head_count: got its short form"),
        (
            VERBOSE.replace("head_count_kv    8", "head_count_kv    [8 8 8 ...+29 more]"),
            r"llama.attention.head_count_kv must be short enough to read",
        ),
        (VERBOSE.replace("block_count                32", "block_count     many"), "whole number"),
        ("hello", "config must be one JSON object"),
        ("", "config must be one JSON object"),
        (json.dumps(TOTAL), "give its config.json, or the folder of both"),
        (json.dumps({"model_info": {"general.architecture": "llama"}}), "run ollama show -v"),
    ],
)
def test_a_text_that_describes_no_model_is_one_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_model(text)


def test_a_list_in_ollama_s_text_gives_a_number_per_layer():
    short = VERBOSE.replace("block_count                32", "block_count                3")
    config = read_model(short.replace("head_count_kv    8", "head_count_kv    [8 0 4]"))
    assert kv_bytes_per_token(config.model, "bf16") == 2 * 2 * (8 + 4) * 128


def test_hostile_text_takes_linear_time():
    for text in ("\n" * 10**6, "a." * 10**6, "general.architecture " + " │" * 10**6):
        with pytest.raises(ValueError):  # noqa: PT011 - any sentence
            read_model(text)


def test_a_folder_has_a_config_and_the_bytes_of_its_weights(tmp_path):
    with pytest.raises(ValueError, match=r"a folder must have a config\.json"):
        read_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_CONFIG))
    assert read_folder(tmp_path).model == read_model(json.dumps(LLAMA_CONFIG)).model
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 1000)
    assert read_folder(tmp_path).estimated_weight_bytes == 1000
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(TOTAL))
    assert read_folder(tmp_path).estimated_weight_bytes == 16_060_522_496


@pytest.mark.parametrize("total", ["a", -1, 1.5, True, 10**30])
def test_an_index_states_a_number_of_bytes(tmp_path, total):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_CONFIG))
    index = {"metadata": {"total_size": total}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"metadata\.total_size of model"):
        read_folder(tmp_path)
