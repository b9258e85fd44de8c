"""Small configs that tests change by a key or two, and what is read from them."""

import json

from gqa_core.hf_config.read import read_config
from gqa_core.theory.memory import kv_bytes_per_token

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
}
LATENT = LLAMA | {
    "num_key_value_heads": 32,
    "head_dim": 64,  # neither of the two drives the cache
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
}
GPT_2 = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}


def read(config, **changes):
    changed = {key: value for key, value in (config | changes).items() if value is not ...}
    return read_config(json.dumps(changed))


def elements(config, **changes):
    """Elements a token of all caching layers, which is the bytes of an fp8 cache."""
    return kv_bytes_per_token(read(config, **changes).model, "fp8")


def layers(config, **changes):
    return [(alike.count, alike.kind, alike.window) for alike in read(config, **changes).layers]
