"""Sizes that a nested text model leaves to its class are filled in, and named."""

import pytest

from tests.hf_config.configs import LLAMA, layers, parse, report

GEMMA_3_4B = {
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10_240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
        "sliding_window": 1024,
    },
}
GEMMA_3_12B = {
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 3840,
        "model_type": "gemma3_text",
        "num_attention_heads": 16,
        "num_hidden_layers": 48,
        "num_key_value_heads": 8,
        "sliding_window": 1024,
    },
}
LLAVA = {"model_type": "llava", "text_config": {"model_type": "llama", "vocab_size": 32_064}}
PIXTRAL = {
    "model_type": "llava",
    "text_config": {
        "head_dim": 128,
        "hidden_size": 5120,
        "model_type": "mistral",
        "num_hidden_layers": 40,
        "num_key_value_heads": 8,
        "sliding_window": None,
    },
}


@pytest.mark.parametrize(
    ("config", "bytes_per_token", "named"),
    [
        # 34 and 48 layers; 4 and 8 K/V heads of 256
        (GEMMA_3_4B, 34 * 4096, ["num_attention_heads = 8", "num_key_value_heads = 4", "= 256"]),
        (GEMMA_3_12B, 48 * 8192, ["head_dim = 256"]),
        (LLAVA, 524_288, ["num_hidden_layers = 32", "num_attention_heads = 32", "= 4096"]),
        (PIXTRAL, 163_840, ["num_attention_heads = 32"]),
    ],
)
def test_defaults_are_counted_and_named(config, bytes_per_token, named):
    sizes = report(config)
    assert sizes.kv_bytes_per_token == bytes_per_token
    sentences = [each for each in sizes.notes.assumptions if "default of the model type" in each]
    assert len(sentences) == len(named)
    assert all(any(words in each for each in sentences) for words in named)
    assert not any("num_attention_heads" in path for path in sizes.notes.ignored_keys)


def test_a_default_window_follows_the_family_s_rule():
    assert layers(GEMMA_3_12B) == [(40, "window", 1024), (8, "full", None)]
    without = GEMMA_3_12B["text_config"] | {"sliding_window": ...}
    without.pop("sliding_window")
    assert layers({"text_config": without})[0] == (40, "window", 4096)


def test_mistral_s_default_window_is_not_taken():
    # a window in every layer would be the smaller figure
    text = {"model_type": "mistral", "num_hidden_layers": 32}
    assert layers({"text_config": text}) == [(32, "full", None)]


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama"},  # not nested: its file states everything
        {"text_config": {"model_type": "somefuture", "num_hidden_layers": 2}},
        {"text_config": {"model_type": "llama", "num_attention_heads": None}},  # null is no default
    ],
)
def test_no_default_elsewhere(config):
    with pytest.raises(ValueError, match="must be given: got no such key"):
        parse(config)


def test_other_spellings_replace_a_default():
    text = {"model_type": "llama", "n_layer": 3, "n_head": 4, "n_embd": 256, "num_kv_heads": 2}
    assert report({"text_config": text}).kv_bytes_per_token == 3 * 2 * 2 * 64 * 2


def test_a_text_model_described_twice_is_refused():
    # a library that reads a file of the text model as one of the whole writes an object of defaults
    text = {"model_type": "gemma3_text", "num_hidden_layers": 26, "num_attention_heads": 8}
    outside = {"model_type": "gemma3", "num_hidden_layers": 62, "num_attention_heads": 32}
    with pytest.raises(ValueError, match="num_hidden_layers must agree: got 62 and 26"):
        parse(outside | {"text_config": text | {"sliding_window": 9}})
    assert parse({"num_hidden_layers": 2, "text_config": LLAMA}).model.n_layers == 32
