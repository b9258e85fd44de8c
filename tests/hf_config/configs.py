"""Small configs that tests change by a key or two, and helpers that parse them."""

import json

from gqa_core.configs import Workload
from gqa_core.hf_config.parse import parse_config
from gqa_core.hf_config.report import config_size_report
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
    "head_dim": 64,  # the cache depends on neither of the two
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
}
GPT_2 = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}


def parse(config, **changes):
    changed = {key: value for key, value in (config | changes).items() if value is not ...}
    return parse_config(json.dumps(changed))


def elements(config, **changes):
    """Elements per token of all caching layers, which is the bytes of an fp8 cache."""
    return kv_bytes_per_token(parse(config, **changes).model, "fp8")


def report(config, *, kv_format="bf16", context_len=8192, batch_size=1, **changes):
    workload = Workload(context_len=context_len, batch_size=batch_size)
    return config_size_report(parse(config, **changes), workload, kv_format)


def layers(config, **changes):
    """(count, kind, window) per kind of layer."""
    return [(kind.count, kind.kind, kind.window) for kind in report(config, **changes).layers]
