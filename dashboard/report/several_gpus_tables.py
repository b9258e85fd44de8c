"""The table of the page about several GPUs: what one GPU keeps and sends, per variant."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.several_gpus import GpuShare
from dashboard.report.columns import BYTES, COUNT, TOKENS, Column, Table
from gqa_core.configs import GroupedConfig

__all__ = ["shares_table"]


def shares_table(shares: Sequence[GpuShare]) -> Table[GpuShare]:
    """One row per variant: the most that a GPU keeps, all copies, and each collective's bytes."""
    columns = (
        Column[GpuShare]("Variant", lambda share: share.name),
        Column[GpuShare]("Query heads", lambda share: share.gpu_attention.n_heads, COUNT),
        Column("Caches", _cached),
        Column[GpuShare]("Of a sequence", lambda share: share.gpu_tokens, TOKENS),
        Column[GpuShare]("K and V per GPU", lambda share: share.kv_bytes, BYTES),
        Column[GpuShare]("On all GPUs", lambda share: share.kv_bytes * share.n_gpus, BYTES),
        Column[GpuShare]("GPUs with the same byte", lambda share: share.copies, COUNT),
        Column[GpuShare]("All-reduce", lambda share: share.wire.all_reduce, BYTES),
        Column[GpuShare]("Queries", lambda share: share.wire.query_gather, BYTES),
        Column[GpuShare]("Log-sum-exp", lambda share: share.wire.lse_gather, BYTES),
        Column[GpuShare]("Outputs", lambda share: share.wire.output_scatter, BYTES),
    )
    return Table(columns, shares)


def _cached(share: GpuShare) -> str:
    if not isinstance(share.gpu_attention, GroupedConfig):
        return "the latent"
    n_kv_heads = share.gpu_attention.n_kv_heads
    return f"{n_kv_heads} K/V head{'s' * (n_kv_heads > 1)}"
