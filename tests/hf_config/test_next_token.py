"""Layers that predict further tokens are counted on request, and named otherwise."""

import json

import pytest

from gqa_core.hf_config.parse import parse_config
from gqa_core.theory.memory import kv_bytes_per_token
from gqa_core.theory.parts import indexer_bytes_per_token
from tests.hf_config.configs import LLAMA
from tests.hf_config.importer_configs import MIMO, NEMOTRON, SPARSE


@pytest.mark.parametrize(
    ("config", "more", "name"),
    [
        (LLAMA | {"num_nextn_predict_layers": 1}, 4096, "num_nextn_predict_layers"),
        (LLAMA | {"mtp_num_hidden_layers": 2}, 8192, "mtp_num_hidden_layers"),
        (SPARSE, 1152, "num_nextn_predict_layers"),
        # of the model's own kinds: a window of 8 heads; an attention, its feed-forward apart
        (MIMO | {"num_mtp_layers": 1, "mtp_layer_types": ["sliding_attention"]}, 5120, "num_mtp"),
        (
            NEMOTRON
            | {"num_nextn_predict_layers": 1, "mtp_layers_block_type": ["attention", "moe"]},
            4096,
            "num_nextn_predict_layers",
        ),
        # a layer without a kind of its own is counted in full
        (
            LLAMA | {"model_type": "mistral", "sliding_window": 64, "num_mtp_modules": 1},
            4096,
            "num_mtp_modules",
        ),
    ],
)
def test_next_token_layers_are_counted_on_request(config, more, name):
    without, counted = (parse_config(json.dumps(config), mtp=mtp) for mtp in (False, True))
    before, after = (kv_bytes_per_token(each.model, "bf16") for each in (without, counted))
    assert after == before + more
    assert name in without.not_counted[-1]
    assert counted.not_counted == ()
    if config.get("num_mtp_modules"):
        assert [group.window for group in counted.model] == [64, None]


def test_a_next_token_layer_has_an_indexer_of_its_own():
    model = parse_config(json.dumps(SPARSE), mtp=True).model
    assert indexer_bytes_per_token(model, "bf16") == 62 * 256


def test_without_such_layers_nothing_changes():
    text = json.dumps(LLAMA | {"num_nextn_predict_layers": 0})
    assert parse_config(text, mtp=True).model == parse_config(text).model
