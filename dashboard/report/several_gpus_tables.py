"""Tables of the page about several GPUs: a GPU's share by formula, and what ranks really held."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.rank_rows import RankRow
from dashboard.data.several_gpus import GpuShare
from dashboard.report.columns import BYTES, COUNT, MS, TOKENS, Column, Table
from gqa_core.configs import GroupedConfig

__all__ = ["ranks_table", "shares_table"]


def shares_table(shares: Sequence[GpuShare]) -> Table[GpuShare]:
    """One row per variant: the most that a GPU keeps, all copies, and each collective's bytes."""
    columns = (
        Column[GpuShare]("Variant", lambda share: share.name),
        Column[GpuShare]("Query heads", lambda share: share.gpu_attention.n_heads, COUNT),
        Column("Caches", _cached),
        Column[GpuShare]("Of a sequence", lambda share: share.gpu_tokens, TOKENS),
        Column[GpuShare]("K and V per GPU", lambda share: share.kv_bytes, BYTES),
        Column[GpuShare]("On all GPUs", lambda share: share.kv_bytes * share.n_gpus, BYTES),
        Column[GpuShare]("Times kept", lambda share: share.copies, COUNT),
        Column[GpuShare]("All-reduce", lambda share: share.wire.all_reduce, BYTES),
        Column[GpuShare]("Queries", lambda share: share.wire.query_gather, BYTES),
        Column[GpuShare]("Log-sum-exp", lambda share: share.wire.lse_gather, BYTES),
        Column[GpuShare]("Outputs", lambda share: share.wire.output_scatter, BYTES),
    )
    return Table(columns, shares)


def ranks_table(rows: Sequence[RankRow]) -> Table[RankRow]:
    """One row per variant and rank: heads and tokens, and bytes by formula beside the real ones."""
    columns = (
        Column[RankRow]("Variant", lambda row: row.name),
        Column[RankRow]("Rank", lambda row: str(row.rank.rank)),
        Column[RankRow]("Query heads", lambda row: row.rank.n_heads, COUNT),
        Column[RankRow]("K/V heads", lambda row: row.rank.n_kv_heads, COUNT),
        Column[RankRow]("Of a sequence", lambda row: row.rank.n_tokens, TOKENS),
        Column[RankRow]("K and V, formula", lambda row: row.rank.formula_bytes, BYTES),
        Column[RankRow]("K and V, held", lambda row: row.rank.tensor_bytes, BYTES),
        Column[RankRow]("Sent, formula", lambda row: row.record.wire_formula_bytes, BYTES),
        Column[RankRow]("Sent, counted", lambda row: row.rank.wire_bytes.total, BYTES),
        Column[RankRow]("Step, 5th percentile", lambda row: row.step_s, MS),
    )
    return Table(columns, rows)


def _cached(share: GpuShare) -> str:
    if not isinstance(share.gpu_attention, GroupedConfig):
        return "the latent"
    n_kv_heads = share.gpu_attention.n_kv_heads
    return f"{n_kv_heads} K/V head{'s' * (n_kv_heads > 1)}"
