"""Tables of a plan's capacity: all answers for each variant, and sequences that fit by context."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.capacity import CapacityResult, Plan, allocation_policies, context_text, fits
from dashboard.report.columns import COUNT, GB, MIB, TOKENS_TEXT, Column, Table
from gqa_core import units
from gqa_core.theory.capacity import Deployment

VariantResult = tuple[str, CapacityResult]


def plan_table(plan: Plan) -> Table[VariantResult]:
    """One row per variant and allocation policy: all answers for these users at this length."""
    demand, users = f"{plan.n_users} x {plan.context_len}", units.count(plan.n_users, "user")
    rows = [(variant, fit) for variant in plan.deployments for fit in fits(plan, variant)]
    policy = Column[VariantResult]("Allocation", lambda row: row[1].policy)
    columns = (
        Column[VariantResult]("Variant", lambda row: row[0]),
        *([policy] if any(fit.as_allocated for _, fit in rows) else []),
        Column[VariantResult]("Sequence per GPU", lambda row: row[1].sequence_bytes, MIB),
        Column[VariantResult](
            f"Sequences of {plan.context_len}", lambda row: row[1].max_sequences, COUNT
        ),
        Column[VariantResult](
            f"Context for {users}", lambda row: context_text(row[1]).replace(",", "")
        ),
        Column[VariantResult](f"GPUs for {demand}", lambda row: row[1].min_gpus, COUNT),
        Column[VariantResult]("Memory per GPU", lambda row: row[1].min_memory_bytes, GB),
        Column[VariantResult]("On all GPUs", lambda row: row[1].memory_in_all, GB),
    )
    return Table(columns, rows)


def sequences_table(plan: Plan, contexts: Sequence[int]) -> Table[int]:
    """One row per context: whole sequences that fit, for each variant and allocation policy."""
    columns: list[Column[int]] = [Column("Context", str, TOKENS_TEXT)]
    for variant, deployment in plan.deployments.items():
        for policy in allocation_policies(deployment):
            name = variant if policy == "ideal" else f"{variant} {policy}"
            columns.append(_sequences_column(name, deployment, policy == "as allocated"))
    return Table(columns, contexts)


def _sequences_column(name: str, deployment: Deployment, as_allocated: bool) -> Column[int]:
    return Column(
        name,
        lambda context_len: deployment.max_sequences(context_len, as_allocated=as_allocated),
        COUNT,
    )
