"""The two kinds of record behind "why a cache": generations, and caches that grow.

Every list in `samples_s`, `totals_s`, `outputs` and `held_bytes` goes by the lengths in
`workload.context_lens`. Free of torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from gqa_core.configs import GroupedConfig
from gqa_core.records.record import Kind, Point, Record
from gqa_core.records.specs.generate import MODES, PLAIN_KERNEL, GenerateSpec
from gqa_core.records.specs.growth import BLOCK_LEN, POLICIES, GrowthSpec
from gqa_core.records.specs.token_by_token import TokenByTokenSpec


def _keep_generate(point: GenerateSpec, measured: Mapping[str, Any]) -> Record:
    return {
        "config": dataclasses.asdict(point.attention),
        "workload": _workload(point),
        "way": point.mode,
        "kernel_asked": point.kernel,
        "kernel_ran": measured["kernel_ran"],
        **{name: measured[name] for name in ("n_warmup", "samples_s", "totals_s", "outputs")},
        "memory": measured["memory"],
        "warnings": _warnings(measured),
    }


def _keep_growth(point: GrowthSpec, measured: Mapping[str, Any]) -> Record:
    return {
        "config": dataclasses.asdict(point.attention),
        "workload": _workload(point),
        "policy": point.policy,
        "block_len": point.block_len if point.policy == "paged" else None,
        **{name: measured[name] for name in ("n_warmup", "samples_s", "totals_s", "held_bytes")},
        "worst_waste_bytes": measured["worst_waste_bytes"],
        "memory": measured["memory"],
        "warnings": _warnings(measured),
    }


GENERATE = Kind("generate", "gqa_core.measure.generate", "measure_generate", _keep_generate)
GROWTH = Kind("growth", "gqa_core.measure.growth", "measure_growth", _keep_growth)


def generation_tasks(
    *,
    attention: GroupedConfig,
    context_lens: Sequence[int],
    cached_context_lens: Sequence[int] = (),
    dtype: str = "float32",
    n_layers: int = 2,
    kernel: str = PLAIN_KERNEL,
    block_len: int = BLOCK_LEN,
    n_samples: int = 9,
) -> list[tuple[Kind, Point]]:
    """Both ways to generate, then the three policies.

    With the cache, generation and growth go on to `cached_context_lens`: a step there is so short
    that only longer ones rise above the fixed cost of a call.

    Raises:
        ValueError: as `GenerateSpec` and `GrowthSpec`.
    """
    lengths = {"cached": (*context_lens, *cached_context_lens), "recomputed": tuple(context_lens)}
    same = {
        "attention": attention,
        "dtype": dtype,
        "n_layers": n_layers,
        "n_samples": n_samples,
    }
    ways = [
        GenerateSpec(mode=way, context_lens=lengths[way], kernel=kernel, **same) for way in MODES
    ]
    policies = [
        GrowthSpec(policy=policy, context_lens=lengths["cached"], block_len=block_len, **same)
        for policy in POLICIES
    ]
    return [*((GENERATE, point) for point in ways), *((GROWTH, point) for point in policies)]


def _workload(point: TokenByTokenSpec) -> dict[str, object]:
    return {
        "context_lens": list(point.context_lens),
        "batch_size": 1,
        "dtype": point.dtype,
        "n_layers": point.n_layers,
    }


def _warnings(measured: Mapping[str, Any]) -> list[str]:
    if measured["peak_was_reset"]:
        return []
    return ["process peak: cannot be reset on this system, includes set-up"]
