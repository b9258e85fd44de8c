"""The keys of a sparse indexer, and which layers keep them.

Every layer of sparse attention keeps one key per token, unless the config lists layers that reuse
the choice of an earlier one.
Source: deepseek-ai/DeepSeek-V3.2-Exp, inference/model.py; huggingface/transformers 5.24,
configuration_glm_moe_dsa.py (indexer_types and its schedule), modeling_minimax_m3_vl.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core.configs import MAX_HEAD_DIM, MAX_LAYERS, IndexerKeys
from gqa_core.hf_config.kinds import CACHING, SHARED, LayerKind, require_length
from gqa_core.hf_config.reader import ConfigReader

__all__ = ["INDEXER_PREFIXES", "SPARSE_OBJECT", "indexer_keys", "is_indexer_key"]

INDEXER_PREFIXES = ("index_", "indexer_")
SPARSE_OBJECT = "sparse_attention_config"
WIDTHS = ("index_head_dim", "indexer_head_dim", "sparse_index_dim")
SCHEDULE_FAMILIES = ("glm_moe_dsa", "glm5_next", "mistral_large4")
OWNERS = {"full": True, "shared": False}
OTHER_KEYS = ("index_kpool", "indexer_compress_ratio")
NOT_SPARSE = ("full_attention", "sliding_attention", "linear_attention")


def is_indexer_key(name: str) -> bool:
    """True if a key is about a sparse indexer."""
    return name.startswith(INDEXER_PREFIXES)


def indexer_keys(
    reader: ConfigReader,
    kinds: Sequence[LayerKind],
    next_token: Sequence[LayerKind],
    family: str,
) -> tuple[tuple[IndexerKeys, ...], tuple[str, ...]]:
    """The indexer keys of all layers, and a sentence where their size is not known.

    Each of the `next_token` layers has an indexer of its own.

    Raises:
        ValueError: a list has the wrong length or an unknown entry, or a width is out of bounds.
    """
    source = reader.nested(SPARSE_OBJECT) or reader
    width = source.integer(*WIDTHS, most=MAX_HEAD_DIM, least=0)
    if width is None:
        width = reader.integer(*WIDTHS, most=MAX_HEAD_DIM, least=0)
    names = sorted(name for name in reader.values if is_indexer_key(name) and reader.values[name])
    pooled = [name for name in OTHER_KEYS if (reader.integer(name, most=2**20, least=0) or 1) > 1]
    if pooled:
        return (), (_sentence(pooled),)
    if not width:
        return (), ((_sentence(names),) if names and width is None else ())
    owners = _owners(reader, kinds, family)
    n_layers = sum(
        is_owner and kind in (*CACHING, SHARED)
        for is_owner, kind in zip(owners, kinds, strict=True)
    )
    n_layers += len(next_token)
    return ((IndexerKeys(n_layers=n_layers, head_dim=width),) if n_layers else ()), ()


def _sentence(names: Sequence[str]) -> str:
    return (
        f"the cache of a sparse indexer ({', '.join(names)}), whose size no known key gives: "
        "the total is a lower bound"
    )


def _owners(reader: ConfigReader, kinds: Sequence[LayerKind], family: str) -> list[bool]:
    """True per layer that keeps indexer keys of its own, where it caches anything."""
    owners = _sparse_layers(reader, len(kinds))
    listed = reader.array("indexer_types")
    pattern = reader.values.get("index_topk_pattern")
    if listed:
        path = f"{reader.path}indexer_types"
        require_length(path, listed, len(kinds))
        if not set(map(str, listed)) <= set(OWNERS):
            raise ValueError(f"{path} must have entries from full, shared")
        return [OWNERS[str(entry)] for entry in listed]
    if isinstance(pattern, str) and pattern:
        require_length(f"{reader.path}index_topk_pattern", pattern, len(kinds))
        return [letter != "S" for letter in pattern]
    every = reader.integer("index_topk_freq", most=MAX_LAYERS, least=0) or 1
    if every > 1 and family in SCHEDULE_FAMILIES:
        offset = reader.integer("index_skip_topk_offset", most=MAX_LAYERS, least=0)
        offset = 2 if offset is None else offset
        reader.assume(f"every {every}th layer keeps indexer keys: rule of {family}")
        return [max(i - offset + 1, 0) % every == 0 for i in range(len(kinds))]
    return owners


def _sparse_layers(reader: ConfigReader, n_layers: int) -> list[bool]:
    """True per layer of sparse attention; all layers unless a list tells some apart."""
    inner = reader.nested(SPARSE_OBJECT)
    frequencies = inner.array("sparse_attention_freq") if inner is not None else None
    if frequencies:
        require_length(f"{reader.path}{SPARSE_OBJECT}.sparse_attention_freq", frequencies, n_layers)
        return [bool(entry) for entry in frequencies]
    types = reader.values.get("layer_types")
    if isinstance(types, list) and len(types) == n_layers:
        sparse = [isinstance(entry, str) and entry not in NOT_SPARSE for entry in types]
        if any(sparse):
            return sparse
    return [True] * n_layers
