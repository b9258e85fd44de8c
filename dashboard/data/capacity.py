"""A plan to serve a model on given GPUs: what fits for each variant, as rows and as curves.

Layers with a window give two readings, `as allocated` and `ideal`; without them the two are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gqa_core.configs import MAX_CONTEXT_LEN
from gqa_core.theory.capacity import Deployment

AllocationPolicy = Literal["as allocated", "ideal"]

LABEL_PERCENT = 7  # how far usable memory can be off the vendor's label


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment for each variant on the same GPUs, and who is to be served: users at a length.

    `gpu` names the GPU, `gpu_source` says who published its memory, None where it was typed; a
    user is one sequence; `variant` is the one told about in words.
    """

    gpu: str
    gpu_source: str | None
    variant: str
    context_len: int
    n_users: int
    deployments: Mapping[str, Deployment]

    @property
    def shown(self) -> Deployment:
        """The deployment told about in words."""
        return self.deployments[self.variant]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityResult:
    """What fits in one reading; None as in `Deployment`'s own answers."""

    policy: AllocationPolicy
    deployment: Deployment
    sequence_bytes: int
    max_sequences: int
    max_context_len: int | None
    min_gpus: int | None
    min_memory_bytes: int

    @property
    def as_allocated(self) -> bool:
        """Whether windows save nothing in this reading."""
        return self.policy == "as allocated"

    @property
    def memory_in_all(self) -> int:
        """Bytes of memory on all GPUs together."""
        return self.deployment.n_gpus * self.min_memory_bytes


def fits(plan: Plan, variant: str) -> tuple[CapacityResult, ...]:
    """What fits, as allocated first and ideal last; one reading where no layer has a window."""
    deployment = plan.deployments[variant]
    return tuple(_fit(plan, deployment, policy) for policy in allocation_policies(deployment))


def allocation_policies(deployment: Deployment) -> tuple[AllocationPolicy, ...]:
    """The allocation policies to report; as allocated only where some layer has a window."""
    windows = any(run.window is not None for run in deployment.model)
    return ("as allocated", "ideal") if windows else ("ideal",)


def context_text(fit: CapacityResult) -> str:
    """The longest context as a number, or why it is none: "41,474", "no limit"."""
    if fit.max_context_len is None:
        return "no limit"
    more = " or more" if fit.max_context_len == MAX_CONTEXT_LEN else ""
    return f"{fit.max_context_len:,}{more}"


def derated(deployment: Deployment) -> Deployment:
    """The same where the label is as far too high as labels are."""
    return replace(deployment, memory_bytes=deployment.memory_bytes * (100 - LABEL_PERCENT) // 100)


def sequence_curves(
    plan: Plan, contexts: Sequence[int]
) -> Mapping[str, tuple[list[float], list[float]]]:
    """Room in sequences, not rounded down, as allocated and ideal; empty if weights do not fit."""
    if plan.shown.kv_budget_bytes <= 0:
        return {}
    return {
        variant: tuple(
            [
                float(
                    deployment.kv_budget_bytes / deployment.sequence_bytes(n, as_allocated=reading)
                )
                for n in contexts
            ]
            for reading in (True, False)
        )
        for variant, deployment in plan.deployments.items()
    }


def _fit(plan: Plan, deployment: Deployment, policy: AllocationPolicy) -> CapacityResult:
    as_allocated = policy == "as allocated"
    length, users = plan.context_len, plan.n_users
    return CapacityResult(
        policy=policy,
        deployment=deployment,
        sequence_bytes=deployment.sequence_bytes(length, as_allocated=as_allocated),
        max_sequences=deployment.max_sequences(length, as_allocated=as_allocated),
        max_context_len=deployment.max_context_len(users, as_allocated=as_allocated),
        min_gpus=deployment.min_gpus(length, users, as_allocated=as_allocated),
        min_memory_bytes=deployment.min_memory_bytes(length, users, as_allocated=as_allocated),
    )
