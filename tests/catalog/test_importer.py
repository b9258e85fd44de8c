"""The catalogue's models of 2026, read from small configs of their own: equal in every part."""

import json
from dataclasses import replace

import pytest

from gqa_core.catalog.models import model
from gqa_core.configs import ModelConfig
from gqa_core.hf_config.parse import parse_config
from gqa_core.theory.parts import state_bytes
from tests.catalog.configs_2026 import CONFIGS


def comparable(config: ModelConfig):
    """A model as what its layers keep, in any order of its groups."""
    groups = frozenset(
        replace(group, attention=replace(group.attention, dim=None)) for group in config
    )
    return groups, config.n_cacheless_layers, config.indexers, config.states


@pytest.mark.parametrize("name", CONFIGS)
def test_a_row_equals_its_config(name):
    imported = parse_config(json.dumps(CONFIGS[name])).model
    assert comparable(model(name).config) == comparable(imported)


def test_states_of_published_models():
    # Qwen3.6-27B: 48 layers of 3 x 10,240 elements of 2 B and 48 x 128 x 128 of 4 B
    assert state_bytes(model("Qwen3.6-27B").config) == 48 * (30_720 * 2 + 786_432 * 4)
    assert state_bytes(model("Falcon-H1-7B").config) == 44 * (3 * 3584 * 2 + 24 * 128 * 256 * 4)


def test_embeddings_of_published_models():
    # vocabulary x width, twice if the head is its own
    assert model("Llama 3.1 8B").embedding_params == 2 * 128_256 * 4096
    assert model("Llama 3.2 1B").embedding_params == 128_256 * 2048
    assert model("Gemma 3 27B").embedding_params == 262_208 * 5376
    assert model("DeepSeek-V3").embedding_params == 2 * 129_280 * 7168
