"""What is said beside a config's layers: assumptions, what is not counted, keys used or not."""

import pytest

from gqa_core.configs import LatentConfig, Workload
from gqa_core.hf_config.answer import config_record
from tests.hf_config.configs import GPT_2, LATENT, LLAMA, read


def test_what_is_taken_for_granted_is_said():
    said = read(GPT_2).assumptions
    assert "n_kv_heads = n_heads = 12, since no key names K/V heads" in said
    assert "head_dim = hidden size / heads = 768 / 12" in said
    assert read(LLAMA, head_dim=128).assumptions == ()


def test_a_context_beyond_the_maximum_is_computed_in_full_and_said():
    beyond = config_record(read(LLAMA), Workload(context_len=100_000), "bf16")
    assert beyond["kv_cache_bytes"] == 131_072 * 100_000
    assert any(
        "100000 is beyond the config's own maximum of 8192" in x for x in beyond["assumptions"]
    )
    within = config_record(read(LLAMA), Workload(context_len=8192), "bf16")
    assert not any("beyond" in sentence for sentence in within["assumptions"])


def test_what_is_kept_besides_keys_and_values_is_named():
    assert read(LLAMA, layer_types=["mamba", "attention"] * 16).not_counted == (
        "the state of 16 state-space layers: its size does not grow with the context",
    )
    assert (
        "predicts further tokens (num_nextn_predict_layers)"
        in read(LLAMA, num_nextn_predict_layers=1).not_counted[0]
    )
    assert "sparse indexer (index_topk)" in read(LATENT, index_topk=2048).not_counted[0]
    assert read(LLAMA, num_nextn_predict_layers=0).not_counted == ()


def test_used_and_ignored_keys_are_told_with_their_paths():
    config = read({"text_config": LATENT | {"rms_norm_eps": 1e-5, "use_cache": True}})
    assert "text_config.kv_lora_rank" in config.used_keys
    ignored = {f"text_config.{name}" for name in ("num_key_value_heads", "head_dim", "use_cache")}
    assert ignored <= set(config.ignored_keys)
    assert not set(config.used_keys) & set(config.ignored_keys)


@pytest.mark.parametrize("name", ["_name_or_path", "architectures", "name"])
def test_a_model_s_name_decides_nothing(name):
    assert read(LLAMA, **{name: "Gemma2ForCausalLM"}).layers == read(LLAMA).layers
    assert isinstance(read(LATENT, **{name: "LlamaForCausalLM"}).attention, LatentConfig)
