"""Errors of the estimate of a cache's room, measured over public deployments.

The estimate is usable memory x utilisation - weights - what the engine takes besides, over the
bytes per token. Errors are relative to the tokens that the engine reported, and positive where the
estimate is too high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from gqa_core.catalog.deployments import PublicDeployment, public_deployments
from gqa_core.theory.overhead import cache_fraction_for, engine_overhead

__all__ = ["CapacityErrors", "capacity_errors", "predicted_tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityErrors:
    """Errors of the expected figure over `n_deployments`, and the rows above their safe figure.

    `median_error` is that of the errors without their sign, `median_signed_error` with it.
    """

    n_deployments: int
    median_error: float
    median_signed_error: float
    worst_error: float
    above_safe: tuple[str, ...]


def predicted_tokens(deployment: PublicDeployment, *, is_safe: bool = False) -> int:
    """Tokens for which there should be room on each GPU; with `is_safe` those to count on."""
    overhead = engine_overhead(deployment.engine)
    room = (
        deployment.memory_bytes * deployment.utilisation
        - Fraction(deployment.weight_bytes, deployment.n_gpus)
        - (overhead.safe_bytes if is_safe else overhead.expected_bytes)
    )
    room *= cache_fraction_for(deployment.engine, has_states=deployment.has_states)
    return max(0, int(room / deployment.kv_bytes_per_token))


def capacity_errors(
    deployments: Sequence[PublicDeployment] | None = None,
) -> CapacityErrors:
    """The errors over the public deployments of the catalogue, or over those that are given."""
    rows = public_deployments() if deployments is None else deployments
    errors = [predicted_tokens(row) / row.tokens - 1 for row in rows]
    return CapacityErrors(
        n_deployments=len(rows),
        median_error=median(map(abs, errors)),
        median_signed_error=median(errors),
        worst_error=max(errors, key=abs),
        above_safe=tuple(
            row.name for row in rows if predicted_tokens(row, is_safe=True) > row.tokens
        ),
    )
