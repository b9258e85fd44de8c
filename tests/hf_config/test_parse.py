"""The notes of a parsed config: assumptions, memory that is not counted, keys used and ignored."""

import pytest

from gqa_core.configs import LatentConfig
from tests.hf_config.configs import GPT_2, LATENT, LLAMA, parse, report


def test_assumptions_are_noted():
    assumptions = parse(GPT_2).assumptions
    assert "n_kv_heads = n_heads = 12, since no key gives K/V heads" in assumptions
    assert "head_dim = hidden size / heads = 768 / 12" in assumptions
    assert parse(LLAMA, head_dim=128).assumptions == ()


def test_a_context_beyond_the_maximum_is_computed_in_full_and_noted():
    too_long = report(LLAMA, context_len=100_000)
    assert too_long.kv_cache_bytes == 131_072 * 100_000
    assert any(
        "100000 is beyond the config's own maximum of 8192" in x for x in too_long.notes.assumptions
    )
    within = report(LLAMA, context_len=8192)
    assert not any("beyond" in sentence for sentence in within.notes.assumptions)


def test_memory_whose_size_is_not_known_is_named_as_a_lower_bound():
    (sentence,) = parse(LLAMA, layer_types=["mamba", "attention"] * 16).not_counted
    assert "the state of 16 state-space layers, whose widths no known key gives" in sentence
    assert "lower bound" in sentence
    assert (
        "predicts further tokens (num_nextn_predict_layers): counted with --mtp"
        in parse(LLAMA, num_nextn_predict_layers=1).not_counted[0]
    )
    assert "sparse indexer (index_topk)" in parse(LATENT, index_topk=2048).not_counted[0]
    assert parse(LLAMA, num_nextn_predict_layers=0).not_counted == ()


def test_used_and_ignored_keys_are_listed_with_their_paths():
    config = parse({"text_config": LATENT | {"rms_norm_eps": 1e-5, "use_cache": True}})
    assert "text_config.kv_lora_rank" in config.used_keys
    ignored = {f"text_config.{name}" for name in ("num_key_value_heads", "head_dim", "use_cache")}
    assert ignored <= set(config.ignored_keys)
    assert not set(config.used_keys) & set(config.ignored_keys)


@pytest.mark.parametrize("name", ["_name_or_path", "architectures", "name"])
def test_a_model_s_name_decides_nothing(name):
    assert parse(LLAMA, **{name: "Gemma2ForCausalLM"}).model == parse(LLAMA).model
    assert isinstance(parse(LATENT, **{name: "LlamaForCausalLM"}).model.attention, LatentConfig)
