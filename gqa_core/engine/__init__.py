"""Attention that really runs: caches, modules, kernels and a slow reference, in torch."""

from gqa_core.engine.attend import decode_attention
from gqa_core.engine.cache import KVCache, LatentCache

__all__ = ["KVCache", "LatentCache", "decode_attention"]
