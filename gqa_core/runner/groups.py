"""Groups of specs that are measured in one process: decode steps of one context, taking turns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from gqa_core.configs import GroupedConfig
from gqa_core.records.specs.decode import DecodeSpec
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
                total = spec.required_bytes
            groups[-1].append(spec)
    return groups


def describe_group(specs: Sequence[Spec]) -> str:
    """The specs in words: one by its own, several as "MHA, GQA-8, MQA in turns at 512 tokens"."""
    first = specs[0]
    if len(specs) == 1 or not isinstance(first, DecodeSpec):
        return str(first)
    names = ", ".join(_short_name(spec) for spec in specs if isinstance(spec, DecodeSpec))
    batch = f", batch {first.workload.batch_size}" if first.workload.batch_size > 1 else ""
    return f"{names} in turns at {first.workload.context_len:,} tokens{batch}, {first.dtype}"


def _short_name(spec: DecodeSpec) -> str:
    """The layer in a word or two: "GQA-8", "MLA absorbed", its cache if quantized."""
    layer = spec.attention
    name = layer.variant if isinstance(layer, GroupedConfig) else f"{layer.variant} {spec.kernel}"
    if isinstance(layer, GroupedConfig) and name == "GQA":
        name = f"GQA-{layer.n_kv_heads}"
    return f"{name} {spec.kv_format.partition('_')[0]}" if spec.kv_format else name


def _condition(spec: Spec) -> object:
    """Equal for specs that may be measured together."""
    if isinstance(spec, DecodeSpec):
        return spec.workload, spec.dtype, spec.n_layers
    return object()
