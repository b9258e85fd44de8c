"""The JSON arrays in which a link carries a model, and what they are made from and built into.

The types here fix shape and type of every entry; bounds and rules between fields are those of the
classes that are built, the same as of any other model.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from gqa_core.configs import (
    AttentionConfig,
    CrossAttention,
    GroupedConfig,
    IndexerKeys,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    RecurrentState,
    StateKind,
)

__all__ = ["LayoutRow", "model_of_row", "model_rows"]


Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]  # what no bound of a class exceeds


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A JSON array with one entry per field, neither more nor fewer."""


class GroupedRow(_Row, tag="g"):
    """A `GroupedConfig`."""

    n_heads: Count
    n_kv_heads: Count
    head_dim: Count
    v_head_dim: Count
    dim: Count


class LatentRow(_Row, tag="l"):
    """A `LatentConfig`."""

    n_heads: Count
    kv_lora_rank: Count
    qk_rope_head_dim: Count
    qk_nope_head_dim: Count
    v_head_dim: Count
    q_lora_rank: Count | None
    dim: Count


AttentionRow = GroupedRow | LatentRow


class GroupRow(_Row):
    """A `LayerGroup`."""

    attention: AttentionRow
    n_layers: Count
    window: Count | None
    caches_per_layer: Count


class IndexerRow(_Row):
    """The `IndexerKeys` of some layers."""

    n_layers: Count
    head_dim: Count


class StateRow(_Row):
    """A `RecurrentState`."""

    kind: StateKind
    n_layers: Count
    conv_elements: Count
    recurrent_elements: Count
    conv_element_bytes: Count
    recurrent_element_bytes: Count


class CrossRow(_Row):
    """A `CrossAttention`."""

    attention: AttentionRow
    n_layers: Count
    source_len: Count


class LayoutRow(_Row):
    """All that a link carries of a model; kinds of layers are one letter each."""

    name: str
    family: str
    layer_kinds: str
    group_kinds: str
    groups: tuple[GroupRow, ...]
    n_cacheless_layers: Count
    indexers: tuple[IndexerRow, ...]
    states: tuple[StateRow, ...]
    cross_attention: tuple[CrossRow, ...]
    max_context_len: Count | None
    params: Count | None
    embedding_params: Count | None
    weight_bytes: Count | None
    weight_format: str | None
    n_assumptions: Count
    n_not_counted: Count


def model_rows(model: ModelConfig) -> dict[str, Any]:
    """The fields of a `LayoutRow` that a model fills, by name."""
    return {
        "family": model.family,
        "groups": tuple(
            GroupRow(_row(group.attention), group.n_layers, group.window, group.caches_per_layer)
            for group in model
        ),
        "n_cacheless_layers": model.n_cacheless_layers,
        "indexers": tuple(_copy(keys, IndexerRow) for keys in model.indexers),
        "states": tuple(_copy(state, StateRow) for state in model.states),
        "cross_attention": tuple(
            CrossRow(_row(cross.attention), cross.n_layers, cross.source_len)
            for cross in model.cross_attention
        ),
    }


def model_of_row(row: LayoutRow) -> ModelConfig:
    """The model of a row.

    Raises:
        ValueError: a number is out of bounds, or numbers do not go together.
    """
    return ModelConfig(
        layer_groups=tuple(
            LayerGroup(**_fields(group) | {"attention": _attention(group.attention)})
            for group in row.groups
        ),
        n_cacheless_layers=row.n_cacheless_layers,
        indexers=tuple(IndexerKeys(**_fields(keys)) for keys in row.indexers),
        states=tuple(RecurrentState(**_fields(state)) for state in row.states),
        cross_attention=tuple(
            CrossAttention(**_fields(cross) | {"attention": _attention(cross.attention)})
            for cross in row.cross_attention
        ),
        family=row.family,
    )


def _row(attention: AttentionConfig) -> AttentionRow:
    return _copy(attention, GroupedRow if isinstance(attention, GroupedConfig) else LatentRow)


def _attention(row: AttentionRow) -> AttentionConfig:
    return (GroupedConfig if isinstance(row, GroupedRow) else LatentConfig)(**_fields(row))


def _copy(source: object, row_type: type[Any]) -> Any:
    return row_type(*(getattr(source, name) for name in row_type.__struct_fields__))


def _fields(row: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(row)
