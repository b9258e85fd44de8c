"""Everything that a model keeps for a workload, part by part, and each part's share of the sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gqa_core.configs import Workload
from gqa_core.theory.parts import MemoryPart

SHARE_CONTEXTS = tuple(4**power for power in range(4, 11))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartBytes:
    """One part, its bytes for all sequences of a workload, and their share of the sum, up to 1."""

    part: MemoryPart
    n_bytes: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartShares:
    """The parts at several contexts: `rows` has one list of parts per context."""

    contexts: Sequence[int]
    rows: Sequence[Sequence[PartBytes]]

    @property
    def totals(self) -> list[int]:
        """Bytes of all parts at each context."""
        return [sum(entry.n_bytes for entry in row) for row in self.rows]


def merged_parts(parts: Sequence[MemoryPart]) -> tuple[MemoryPart, ...]:
    """Parts that differ in nothing but the sizes of their layers as one, in order of appearance."""
    merged: dict[tuple[object, ...], MemoryPart] = {}
    for part in parts:
        key = (part.kind, part.cap, part.detail)
        other = merged.get(key)
        merged[key] = _sum(other, part) if other else part
    return tuple(merged.values())


def part_bytes(parts: Sequence[MemoryPart], workload: Workload) -> list[PartBytes]:
    """The parts in their order, with their bytes at this workload."""
    sizes = [part.bytes(workload) for part in parts]
    total = sum(sizes)
    return [
        PartBytes(part=part, n_bytes=size, share=size / total)
        for part, size in zip(parts, sizes, strict=True)
    ]


def part_shares(parts: Sequence[MemoryPart], workload: Workload) -> PartShares:
    """The parts at fixed contexts and at that of the workload."""
    contexts = sorted({*SHARE_CONTEXTS, workload.context_len})
    return PartShares(
        contexts=contexts,
        rows=[
            part_bytes(parts, Workload(context_len=n_tokens, batch_size=workload.batch_size))
            for n_tokens in contexts
        ],
    )


def _sum(part: MemoryPart, other: MemoryPart) -> MemoryPart:
    return replace(
        part,
        n_layers=part.n_layers + other.n_layers,
        bytes_per_token=part.bytes_per_token + other.bytes_per_token,
        bytes_per_sequence=part.bytes_per_sequence + other.bytes_per_sequence,
    )
