"""Groups of specs that are measured in one process: decode steps of one context, taking turns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from gqa_core.records.specs.decode import TORCH_BYTES, DecodeSpec
from gqa_core.records.specs.spec import Spec

__all__ = ["describe_group", "group_specs"]


def group_specs(specs: Sequence[Spec], free_bytes: int) -> list[list[Spec]]:
    """The specs in their order, neighbours of one context together while they fit into memory.

    The sum of what they take by themselves is compared, so that a group fits with room to spare.
    """
    groups: list[list[Spec]] = []
    for _, neighbours in groupby(specs, key=_condition):
        total = free_bytes + 1
        for spec in neighbours:
            total += spec.required_bytes
            if total > free_bytes:
                groups.append([])
                total = TORCH_BYTES + spec.required_bytes
            groups[-1].append(spec)
    return groups


def describe_group(specs: Sequence[Spec]) -> str:
    """The specs in words: one by its own, several by their number and the condition they share."""
    first = specs[0]
    if len(specs) == 1 or not isinstance(first, DecodeSpec):
        return str(first)
    names = ", ".join(spec.layer_name for spec in specs if isinstance(spec, DecodeSpec))
    return f"{names} in turns, {first.condition}"


def _condition(spec: Spec) -> object:
    """Equal for specs that may be measured together."""
    if isinstance(spec, DecodeSpec):
        return spec.workload, spec.dtype, spec.n_layers
    return object()
