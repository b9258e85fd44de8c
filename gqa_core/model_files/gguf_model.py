"""The model that GGUF metadata describes: what each layer keeps when llama.cpp runs it.

The same metadata comes from a file's header and from `ollama show`. `general.architecture` decides
only the rules of a family: which layers have windows or states where no key says so.
Source: ggml-org/llama.cpp, src/llama-model.cpp, src/llama-hparams.cpp and src/models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_LAYERS,
    IndexerKeys,
    ModelConfig,
)
from gqa_core.hf_config.grouping import CachingLayer, group_layers
from gqa_core.hf_config.kinds import CACHING, FEED_FORWARD, FULL, SHARED, LayerKind
from gqa_core.hf_config.parse import ParsedConfig
from gqa_core.model_files.gguf_attention import LayerHeads
from gqa_core.model_files.gguf_header import GgufHeader, MetadataValue
from gqa_core.model_files.gguf_states import layer_state, recurrent_layers, state_kind
from gqa_core.model_files.gguf_windows import window_kinds
from gqa_core.model_files.metadata import Metadata
from gqa_core.names import clean_name

__all__ = ["parse_header", "parse_metadata"]

ARCHITECTURE = "general.architecture"
MAX_NAME = 40  # characters of an architecture
OTHER_FILES = {"adapter", "mmproj", "imatrix", "vocab", "clip"}
ENCODERS = {"bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2"}
ENCODERS |= {"jina-bert-v3", "eurobert", "gemma-embedding", "t5encoder", "llama-embed"}
ENCODER_DECODERS = {"t5"}
GEMMA_3N_LAYERS = 20  # with a cache of their own


def parse_header(header: GgufHeader) -> ParsedConfig:
    """The model of a GGUF file, with the number and bytes of its weights.

    Raises:
        ValueError: as `parse_metadata`, or a key about attention is a list too long to read.
    """
    is_part = header.values.get("split.count", 0) not in (0, 1)  # the rest has tensors too
    tensors, assumptions = None if is_part else header.tensors, []
    if header.cut_in is not None:
        assumptions.append(f"the bytes end in {header.cut_in}: keys after it are not read")
    return parse_metadata(
        header.values,
        header.skipped_keys,
        assumptions=assumptions,
        params=tensors.params if tensors else None,
        weight_bytes=tensors.bytes if tensors else None,
        weight_format=tensors.main_type if tensors else None,
    )


def parse_metadata(
    values: Mapping[str, MetadataValue],
    skipped_keys: Iterable[str] = (),
    *,
    assumptions: Iterable[str] = (),
    params: int | None = None,
    weight_bytes: int | None = None,
    weight_format: str | None = None,
) -> ParsedConfig:
    """The model that these keys describe.

    Raises:
        ValueError: a key is missing, of another type or out of bounds, or a key that is not known
            could change the cache; the sentence names the key.
    """
    metadata = Metadata(values, _architecture(values))
    metadata.assumptions.extend(assumptions)
    metadata.reject_long_lists(skipped_keys)
    model, kinds, group_kinds, not_counted = _model(metadata)
    metadata.reject_unknown_keys()
    return ParsedConfig(
        model=model,
        layer_kinds=tuple(kinds),
        group_kinds=group_kinds,
        max_context_len=metadata.integer("context_length", most=MAX_CONTEXT_LEN) or None,
        estimated_params=params,
        used_keys=(ARCHITECTURE, *metadata.used),
        assumptions=tuple(dict.fromkeys(metadata.assumptions)),
        ignored_keys=metadata.ignored_keys,
        not_counted=tuple(not_counted),
        estimated_weight_bytes=weight_bytes,
        weight_format=weight_format,
    )


def _architecture(values: Mapping[str, MetadataValue]) -> str:
    """The architecture of a decoder whose keys are all here."""
    name = values.get(ARCHITECTURE)
    if not isinstance(name, str) or not name:
        raise ValueError(f"{ARCHITECTURE} must be given as text: got no such key")
    if clean_name(name, MAX_NAME) != name:  # sentences name keys that begin with it
        raise ValueError(f"{ARCHITECTURE} must be a plain name: got {name[:MAX_NAME]!a}")
    part, n_parts = values.get("split.no", 0), values.get("split.count", 0)
    if part and f"{name}.block_count" not in values:
        raise ValueError(
            f"a GGUF file in {n_parts} parts must be given by its first part: got part {part + 1}"
            if isinstance(part, int)
            else "split.no must be a whole number: got another value"
        )
    if values.get("general.type") in OTHER_FILES or name in OTHER_FILES:
        raise ValueError(
            f"a GGUF file must be a language model: got {values.get('general.type', name)!r}"
        )
    if name in ENCODERS or values.get(f"{name}.attention.causal") is False:
        raise ValueError(f"an encoder keeps no K/V cache: got {ARCHITECTURE} {name[:40]!r}")
    if name in ENCODER_DECODERS:
        raise ValueError(
            f"{name!r} is not understood: a decoder beside an encoder caches cross-attention too"
        )
    return name


def _model(
    metadata: Metadata,
) -> tuple[ModelConfig, list[LayerKind], tuple[LayerKind, ...], list[str]]:
    """The model, the kinds of its layers and of its groups, and what is not counted."""
    n_blocks = metadata.required_integer("block_count", most=MAX_LAYERS)
    n_next_token = metadata.integer("nextn_predict_layers", most=n_blocks - 1) or 0
    n_layers = n_blocks - n_next_token
    heads = LayerHeads.read(metadata, n_layers, n_blocks)
    kinds, window = window_kinds(metadata, n_layers, n_blocks)
    recurrent, are_both = recurrent_layers(metadata, heads.n_kv_heads, n_blocks)
    n_shared = _n_shared_layers(metadata, n_layers)
    layers: list[CachingLayer] = []
    for i, kind in enumerate(kinds):
        if recurrent[i] and not are_both:
            kinds[i] = state_kind(metadata)
        elif not heads.n_kv_heads[i]:
            kinds[i] = FEED_FORWARD
        elif i >= n_layers - n_shared:
            kinds[i] = SHARED
        else:
            layers.append((kind, heads.attention(i, kind), None if kind == FULL else window, 1))
    groups, group_kinds = group_layers(layers)
    state = layer_state(metadata, sum(recurrent), max(heads.n_heads))
    model = ModelConfig(
        layer_groups=groups,
        n_cacheless_layers=sum(kind not in CACHING for kind in kinds),
        indexers=_indexers(metadata, n_layers, n_blocks),
        states=(state,) if state else (),
    )
    not_counted = [
        f"the cache of {n_next_token} layers that predict further tokens (nextn_predict_layers)"
    ]
    return model, kinds, group_kinds, not_counted if n_next_token else []


def _n_shared_layers(metadata: Metadata, n_layers: int) -> int:
    """Layers at the end that read the cache of an earlier one."""
    n_shared = metadata.integer("attention.shared_kv_layers", most=n_layers)
    if n_shared is None and metadata.architecture == "gemma3n":
        n_shared = max(n_layers - GEMMA_3N_LAYERS, 0)
    if n_shared:
        metadata.assume(f"the last {n_shared} layers read the caches of earlier ones")
    return n_shared or 0


def _indexers(metadata: Metadata, n_layers: int, n_blocks: int) -> tuple[IndexerKeys, ...]:
    width = metadata.integer("attention.indexer.key_length", most=MAX_HEAD_DIM)
    if not width:
        return ()
    types = metadata.per_layer("attention.indexer.types", n_layers, n_blocks, most=1)
    metadata.per_layer("attention.indexer.head_count", n_layers, n_blocks, most=MAX_HEADS)
    if types is None:
        metadata.assume("every layer has indexer keys, since no key says which have")
        return (IndexerKeys(n_layers=n_layers, head_dim=width),)
    return (IndexerKeys(n_layers=sum(types), head_dim=width),) if any(types) else ()
