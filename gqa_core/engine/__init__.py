"""Attention that really runs: caches, layers, kernels and a slow reference, in torch."""

from gqa_core.engine.attend import causal_attention, decode_attention
from gqa_core.engine.checkpoints import deepseek_attention_state, llama_attention_state
from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.latent import AbsorbedLatentAttention, NaiveLatentAttention
from gqa_core.engine.latent_cache import LatentCache
from gqa_core.engine.quantise import dequantise, quantise
from gqa_core.engine.quantised_cache import QuantisedKVCache, QuantisedLatentCache

__all__ = [
    "AbsorbedLatentAttention",
    "GroupedAttention",
    "KVCache",
    "LatentCache",
    "NaiveLatentAttention",
    "QuantisedKVCache",
    "QuantisedLatentCache",
    "causal_attention",
    "decode_attention",
    "deepseek_attention_state",
    "dequantise",
    "llama_attention_state",
    "quantise",
]
