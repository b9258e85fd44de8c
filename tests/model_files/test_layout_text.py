"""A model as the text of a link: every kind of layer comes back, and nothing else gets in."""

import base64
import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig, LayerGroup
from gqa_core.hf_config.parse import parse_config
from gqa_core.model_files.layout_text import MAX_TEXT, SharedLayout, layout_text, parse_layout_text
from gqa_core.model_files.read import read_model
from tests.catalog.configs_2026 import CONFIGS
from tests.hf_config import configs, importer_configs
from tests.model_files.gguf_writer import LLAMA, gguf_bytes

WEIGHED = configs.LATENT | {  # all that its weights depend on, as of DeepSeek-V3
    "model_type": "deepseek_v3",
    "vocab_size": 129_280,
    "intermediate_size": 18_432,
    "tie_word_embeddings": False,
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
}
PARSED = {
    **{name: parse_config(json.dumps(config)) for name, config in CONFIGS.items()},
    **{
        name: parse_config(json.dumps(getattr(importer_configs, name)))
        for name in ("NEMOTRON", "MIMO", "WINDOWS", "LONGCAT", "GLM", "NAS", "RECURRENT_GEMMA")
    },
    "weighed": parse_config(json.dumps(WEIGHED)),
    "Whisper": parse_config(json.dumps(importer_configs.WHISPER)),
    "next token": parse_config(json.dumps(WEIGHED | {"num_nextn_predict_layers": 1}), mtp=True),
    "GGUF": read_model(gguf_bytes(LLAMA)),
}
LAYOUT = SharedLayout(name="a.json", config=PARSED["weighed"], n_assumptions=2, n_not_counted=1)
TEXT = layout_text(LAYOUT)


def packed(value, version="1"):
    """A text with a right checksum around whatever JSON or bytes it is given."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    inner = zlib.compress(raw, 9, wbits=-15)
    blob = zlib.crc32(inner).to_bytes(4, "big") + inner
    return f"{version}.{base64.urlsafe_b64encode(blob).decode().rstrip('=')}"


def fields():
    """The JSON array that TEXT carries."""
    digits = TEXT.partition(".")[2]
    blob = base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
    return json.loads(zlib.decompress(blob[4:], wbits=-15))


def changed(path, value):
    """The array of TEXT with the entry at `path` replaced."""
    array = entry = fields()
    for i in path[:-1]:
        entry = entry[i]
    entry[path[-1]] = value
    return array


def refusal(text):
    with pytest.raises(ValueError, match=r"\w") as error:
        parse_layout_text(text)
    sentence = str(error.value)
    assert "\n" not in sentence
    assert len(sentence) < 160
    assert "<" not in sentence
    return sentence


@pytest.mark.parametrize("name", PARSED)
def test_a_model_comes_back_with_its_layers_and_weights(name):
    config = PARSED[name]
    text = layout_text(SharedLayout(name=name, config=config))
    layout = parse_layout_text(text)
    assert layout.name == name
    assert layout.config.model == config.model
    assert layout.config.layers == config.layers  # what the report's table shows
    bare = {"used_keys": (), "assumptions": (), "ignored_keys": (), "not_counted": ()}
    assert layout.config == replace(config, **bare, kv_format_hint=None)
    assert layout.config.model.family == config.model.family  # engines have rules for some
    assert len(text) < 400


def test_the_weights_and_the_number_of_sentences_are_carried():
    layout = parse_layout_text(TEXT)
    assert layout.config.estimated_weight_bytes == PARSED["weighed"].estimated_weight_bytes > 10**9
    assert layout.config.weight_format == "fp8"
    assert (layout.n_assumptions, layout.n_not_counted) == (2, 1)


@pytest.mark.parametrize("cut", [1, 2, 5, len(TEXT) // 2, len(TEXT) - 3])
def test_a_cut_text_is_refused(cut):
    assert "whole and unchanged" in refusal(TEXT[:-cut])


def test_a_changed_text_is_refused_wherever_it_was_changed():
    for i, letter in enumerate(TEXT):
        other = "B" if letter == "A" else "A"
        assert refusal(TEXT[:i] + other + TEXT[i + 1 :])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "got other letters"),
        ("2" + TEXT[1:], "must have version 1 of this format: got 2"),
        ("9" * 1000, "got other letters"),
        ("1.<script>", "got other letters"),
        ("1." + "B" * 6, "checksum"),
        (TEXT + "A" * MAX_TEXT, f"at most {MAX_TEXT} characters: got {len(TEXT) + MAX_TEXT}"),
        (packed(b" " * 500_000), "unpack to at most"),  # a bomb of 800 characters
        (packed({"name": "x"}), "the fields of its version"),
        (packed(b"[" * 9000), "the fields of its version"),
        (packed(b"\xff\x00"), "the fields of its version"),
        (packed([*fields(), 1]), "the fields of its version"),
        (packed(fields()[:-1]), "the fields of its version"),
    ],
)
def test_what_is_no_layout_is_refused_in_a_sentence(text, sentence):
    assert sentence in refusal(text)


def test_bytes_behind_the_end_are_refused():
    inner = zlib.compress(b"[]", 9, wbits=-15) + b"more"
    blob = zlib.crc32(inner).to_bytes(4, "big") + inner
    assert "another end" in refusal("1." + base64.urlsafe_b64encode(blob).decode().rstrip("="))


# positions in the array: 0 name, 1 family, 2 layer_kinds, 3 group_kinds, 4 groups of
# [attention, n_layers, window, caches_per_layer], 5 n_cacheless_layers, 9 max_context_len,
# 10 params, 12 weight_bytes, 13 weight_format, 14 n_assumptions
@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ((0,), "x" * 61, "name must be at most 60 letters, digits and signs of names"),
        ((0,), "a\u202eb", "name must be at most 60 letters, digits and signs of names"),
        ((0,), 5, "the fields of its version"),
        ((1,), "x\n", "model_type must be at most 40 letters"),
        ((2,), "fx", "layer_kinds must be letters of known kinds: got 1 others"),
        ((2,), "f" * 1001, "layer_kinds must be between 1 and 1000: got 1001"),
        ((2,), "w" * 32, "group_kinds must have every caching kind"),
        ((2,), "f" * 31 + "l", "n_cacheless_layers must be the 1 of layer_kinds: got 0"),
        ((3,), "l", "group_kinds must be one caching kind per group"),
        ((3,), "ff", "group_kinds must be one caching kind per group"),
        ((4, 0, 0, 1), 0, "n_heads must be between 1 and 1024: got 0"),
        ((4, 0, 0, 1), 10**9, "n_heads must be between 1 and 1024: got 1000000000"),
        ((4, 0, 0, 1), 10**40, "the fields of its version"),
        ((4, 0, 0, 1), -1, "the fields of its version"),
        ((4, 0, 0, 1), True, "the fields of its version"),
        ((4, 0, 0, 1), 2.0, "the fields of its version"),
        ((4, 0, 0, 0), "g", "the fields of its version"),
        ((4, 0, 1), 1001, "n_layers must be between 1 and 1000: got 1001"),
        ((4, 0, 2), 0, "window must be between 1 and"),
        ((4, 0, 3), 65, "caches_per_layer must be between 1 and 64: got 65"),
        ((4,), [], "a model must have a layer that caches tokens"),
        ((5,), 1000, "n_layers must be between 1 and 1000: got 1032"),
        ((9,), 2**30, "max_context_len must be between 0 and"),
        ((10,), 10**15, "params must be between 0 and"),
        ((12,), 2**52, "weight_bytes must be between 0 and"),
        ((13,), "<b>" * 20, "weight_format must be at most 40 letters"),
        ((14,), 1001, "n_assumptions must be between 0 and 1000: got 1001"),
    ],
)
def test_a_changed_field_is_refused_by_the_classes_of_every_other_model(path, value, sentence):
    assert sentence in refusal(packed(changed(path, value)))


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(raw):
    refusal(packed(raw))
    refusal("1." + base64.urlsafe_b64encode(raw).decode())


def test_a_model_that_no_link_can_carry_says_why():
    groups = tuple(
        LayerGroup(
            attention=GroupedConfig(n_heads=1 + i, n_kv_heads=1, head_dim=1 + i * i % 97),
            n_layers=1,
            window=1 + i * i * i % 7919,
        )
        for i in range(400)
    )
    config = PARSED["weighed"]
    many = replace(
        config,
        model=replace(config.model, layer_groups=groups, n_cacheless_layers=0),
        layer_kinds=("full",) * 400,
        group_kinds=("full",) * 400,
    )
    with pytest.raises(ValueError, match=f"at most {MAX_TEXT} characters: got "):
        layout_text(replace(LAYOUT, config=many))
    with pytest.raises(
        ValueError, match="name must be at most 60 letters, digits and signs of names"
    ):
        layout_text(replace(LAYOUT, name="x" * 61))
