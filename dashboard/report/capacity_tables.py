"""Tables of a plan's capacity: all answers for each variant, and sequences that fit by context."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.capacity import (
    CapacityResult,
    Plan,
    compared,
    context_text,
    engine_label,
    fits,
)
from dashboard.report.columns import COUNT, GB, MIB, TOKENS_TEXT, Column, Table
from gqa_core import units

VariantResult = tuple[str, CapacityResult]


def plan_table(plan: Plan, title: str = "Variant") -> Table[VariantResult]:
    """One row per deployment and engine: all answers for these users at this length.

    `title` says what the deployments are: variants, or models.
    """
    demand, users = f"{plan.n_users} x {plan.context_len}", units.count(plan.n_users, "user")
    rows = [(variant, fit) for variant in plan.deployments for fit in fits(plan, variant)]
    by_engine = Column[VariantResult]("Allocation", lambda row: engine_label(row[1].engine))
    columns = (
        Column[VariantResult](title, lambda row: row[0]),
        *([by_engine] if len(rows) > len(plan.deployments) else []),
        Column[VariantResult]("Sequence per GPU", lambda row: row[1].sequence_bytes, MIB),
        Column[VariantResult](
            f"Sequences of {plan.context_len}", lambda row: row[1].max_sequences, COUNT
        ),
        Column[VariantResult]("To count on", lambda row: row[1].safe_sequences, COUNT),
        Column[VariantResult](
            f"Context for {users}", lambda row: context_text(row[1]).replace(",", "")
        ),
        Column[VariantResult](f"GPUs for {demand}", lambda row: row[1].min_world, COUNT),
        Column[VariantResult]("Memory per GPU", lambda row: row[1].min_memory_bytes, GB),
        Column[VariantResult]("On all GPUs", lambda row: row[1].memory_in_all, GB),
    )
    return Table(columns, rows)


def sequences_table(plan: Plan, contexts: Sequence[int]) -> Table[int]:
    """One row per context: whole sequences that fit, for each variant and engine."""
    columns: list[Column[int]] = [Column("Context", str, TOKENS_TEXT)]
    for variant, planned in plan.deployments.items():
        *by_engine, ideal = compared(planned)
        for deployment in by_engine:
            name = f"{variant} {engine_label(deployment.engine)}"
            columns.append(Column(name, deployment.max_sequences, COUNT))
        columns.append(Column(variant, ideal.max_sequences, COUNT))
    return Table(columns, contexts)
