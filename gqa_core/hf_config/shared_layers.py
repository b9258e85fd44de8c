"""Layers that read the cache of an earlier layer, and keep none of their own.

Source: huggingface/transformers 5.24, configuration_gemma4.py and configuration_mistral_large4.py
(kv_sharing_modes).
"""

from __future__ import annotations

from gqa_core.hf_config.kinds import CACHING, SHARED, LayerKind, require_length
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.strict_json import describe_value

__all__ = ["with_shared_layers"]

FAMILIES = ("gemma3n", "gemma4", "gemma4_unified")


def with_shared_layers(
    reader: ConfigReader, kinds: list[LayerKind], family: str
) -> list[LayerKind]:
    """The kinds with those layers as shared that read an earlier cache.

    Raises:
        ValueError: the number of shared layers is given for a family whose rule is not known, or a
            source is no earlier layer with a cache of its own.
    """
    n_layers = len(kinds)
    sources = reader.array("kv_source_layers")
    if sources:
        return _by_source(reader, kinds, sources)
    n_shared = reader.integer("num_kv_shared_layers", most=n_layers, least=0) or 0
    if not n_shared:
        return kinds
    if family not in FAMILIES:
        raise ValueError(
            f"{reader.path}num_kv_shared_layers is understood for {', '.join(FAMILIES)}: "
            f"got {n_shared} for model type {family[:40] or 'unknown'}"
        )
    reader.assume(f"the last {n_shared} layers read the caches of earlier ones")
    return kinds[: n_layers - n_shared] + [SHARED] * n_shared


def _by_source(
    reader: ConfigReader, kinds: list[LayerKind], sources: list[object]
) -> list[LayerKind]:
    """The kinds where a list says whose cache each layer reads, its own included."""
    path = f"{reader.path}kv_source_layers"
    require_length(path, sources, len(kinds))
    shared = []
    for i, (kind, source) in enumerate(zip(kinds, sources, strict=True)):
        is_layer = isinstance(source, int) and not isinstance(source, bool) and 0 <= source <= i
        if not is_layer or sources[int(str(source))] != source:
            raise ValueError(
                f"{path} must name earlier layers with caches of their own: "
                f"got {describe_value(source)} for layer {i}"
            )
        shared.append(SHARED if source != i and kind in CACHING else kind)
    return shared
