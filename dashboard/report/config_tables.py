"""The layers of an imported config as a table."""

from __future__ import annotations

from dashboard.report.columns import BYTES, COUNT, TOKENS, Column, Table
from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.theory.size import LayerKindSize, SizeReport

Kind = LayerKindSize


def layers_table(report: SizeReport) -> Table[Kind]:
    """One row per kind of layer: how many, what they see, and what they cache."""
    return Table(COLUMNS, report.layers)


def _grouped(kind: Kind, field: str) -> int | None:
    return getattr(kind.attention, field) if isinstance(kind.attention, GroupedConfig) else None


def _latent(kind: Kind, field: str) -> int | None:
    return getattr(kind.attention, field) if isinstance(kind.attention, LatentConfig) else None


COLUMNS = (
    Column[Kind]("Kind", lambda kind: kind.kind),
    Column[Kind]("Layers", lambda kind: kind.count, COUNT),
    Column[Kind]("Window", lambda kind: kind.window, TOKENS),
    Column[Kind]("Variant", lambda kind: kind.attention.variant if kind.attention else None),
    Column[Kind](
        "Query heads", lambda kind: kind.attention.n_heads if kind.attention else None, COUNT
    ),
    Column[Kind]("K/V heads", lambda kind: _grouped(kind, "n_kv_heads"), COUNT),
    Column[Kind]("K width", lambda kind: _grouped(kind, "head_dim"), COUNT),
    Column[Kind]("V width", lambda kind: _grouped(kind, "v_head_dim"), COUNT),
    Column[Kind]("Latent", lambda kind: _latent(kind, "kv_lora_rank"), COUNT),
    Column[Kind]("RoPE key", lambda kind: _latent(kind, "qk_rope_head_dim"), COUNT),
    Column[Kind]("All layers of the kind, per token", lambda kind: kind.kv_bytes_per_token, BYTES),
)
