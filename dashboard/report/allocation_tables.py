"""An engine's allocation of one sequence on each GPU, beside the ideal, and its rules."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.capacity import Plan
from dashboard.report.columns import COUNT, MIB, Column, Table
from gqa_core import units
from gqa_core.theory.engines import AllocatedPart, Allocation
from gqa_core.theory.parallelism import max_kv_copies

TOTAL = "all parts"


def allocation_table(allocation: Allocation) -> Table[AllocatedPart]:
    """One row per part and one for their sum: bytes of one sequence on each GPU."""
    columns = (
        Column[AllocatedPart]("Part", _name),
        Column[AllocatedPart]("Layers", lambda part: part.n_layers or None, COUNT),
        Column[AllocatedPart]("Allocated", lambda part: part.allocated_bytes, MIB),
        Column[AllocatedPart]("Ideal", lambda part: part.ideal_bytes, MIB),
        Column[AllocatedPart]("Difference", _difference),
    )
    return Table(columns, [*allocation.parts, _total(allocation)])


def rule_lines(allocation: Allocation) -> Sequence[str]:
    """The engine's rules, each with its source and version."""
    return [
        f"{rule.text[0].upper()}{rule.text[1:]}. {rule.source}"
        + (f", {rule.version}" if rule.version else "")
        for rule in allocation.rules
    ]


def allocation_sentence(plan: Plan) -> str:
    """The engine's bytes of one sequence on each GPU, and how far they are from the ideal."""
    allocation = plan.shown.allocation(plan.context_len)
    return (
        f"One {plan.variant} sequence of {plan.context_len} tokens takes "
        f"{units.capacity(allocation.sequence_bytes)} of each GPU by the rules of "
        f"{allocation.engine}, where {units.capacity(allocation.ideal_sequence_bytes)} must be "
        f"kept: {_percent(allocation.sequence_bytes, allocation.ideal_sequence_bytes)}."
    )


def split_sentence(plan: Plan) -> str:
    """The GPUs of a deployment, and how many of them keep the same byte of K and V."""
    shown = plan.shown
    copies = max_kv_copies(shown.model, shown.parallelism)
    times = "once" if copies == 1 else f"{copies} times"
    return (
        f"{units.count(shown.world, 'GPU')}: tp {shown.n_gpus} x pp {shown.pp} x dp {shown.dp}, "
        f"dcp {shown.dcp} inside tp. In one data-parallel rank each byte of K and V is kept "
        f"{times}."
    )


def _name(part: AllocatedPart) -> str:
    return f"{part.kind} ({part.detail})" if part.detail else part.kind


def _difference(part: AllocatedPart) -> str | None:
    return _percent(part.allocated_bytes, part.ideal_bytes) if part.ideal_bytes else None


def _percent(allocated: int, ideal: int) -> str:
    return units.error_percent(allocated, ideal)


def _total(allocation: Allocation) -> AllocatedPart:
    return AllocatedPart(
        kind=TOTAL,
        detail="",
        n_layers=0,
        allocated_bytes=allocation.sequence_bytes,
        ideal_bytes=allocation.ideal_sequence_bytes,
    )
