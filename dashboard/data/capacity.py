"""A plan to serve a model on given GPUs: what fits for each variant, as results and as curves.

Layers with a window have two allocation policies: `as allocated`, every layer has slots for the
whole context; `ideal`, no more than its window. Without windows the two are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gqa_core.configs import MAX_CONTEXT_LEN, Workload
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.parts import MemoryPart, memory_parts

AllocationPolicy = Literal["as allocated", "ideal"]

LABEL_PERCENT = 7  # how far usable memory can be off the vendor's label


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment for each variant on the same GPUs, and the demand: users at a length.

    `gpu` names the GPU, `gpu_source` says who published its memory, None if it was typed; a
    user is one sequence; `variant` is the one that sentences describe. Without `weights_known` no
    number that depends on weights may be shown.
    """

    gpu: str
    gpu_source: str | None
    variant: str
    context_len: int
    n_users: int
    deployments: Mapping[str, Deployment]
    weights_known: bool = True

    @property
    def shown(self) -> Deployment:
        """The deployment that sentences describe."""
        return self.deployments[self.variant]

    @property
    def parts_per_gpu(self) -> tuple[MemoryPart, ...]:
        """Everything that the model described keeps on each GPU."""
        return memory_parts(self.shown.model_per_gpu, self.shown.kv_format)

    @property
    def one_sequence(self) -> Workload:
        """A single sequence of the demand."""
        return Workload(context_len=self.context_len)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityResult:
    """Answers for one variant and allocation policy; None as in `Deployment`'s methods."""

    policy: AllocationPolicy
    deployment: Deployment
    sequence_bytes: int
    max_sequences: int
    max_context_len: int | None
    min_gpus: int | None
    min_memory_bytes: int

    @property
    def as_allocated(self) -> bool:
        """True if windows save nothing under this policy."""
        return self.policy == "as allocated"

    @property
    def memory_in_all(self) -> int:
        """Bytes of memory on all GPUs together."""
        return self.deployment.n_gpus * self.min_memory_bytes


def fits(plan: Plan, variant: str) -> tuple[CapacityResult, ...]:
    """One result per allocation policy, as allocated first and ideal last."""
    deployment = plan.deployments[variant]
    return tuple(_fit(plan, deployment, policy) for policy in allocation_policies(deployment))


def allocation_policies(deployment: Deployment) -> tuple[AllocationPolicy, ...]:
    """The allocation policies to report; as allocated only where some layer has a window."""
    windows = any(run.window is not None for run in deployment.model)
    return ("as allocated", "ideal") if windows else ("ideal",)


def context_text(fit: CapacityResult) -> str:
    """The longest context: "41,474", "41,474 or more", "no limit"."""
    if fit.max_context_len is None:
        return "no limit"
    more = " or more" if fit.max_context_len == MAX_CONTEXT_LEN else ""
    return f"{fit.max_context_len:,}{more}"


def derated(deployment: Deployment) -> Deployment:
    """The deployment with memory reduced by the 7% by which labels overstate it."""
    return replace(deployment, memory_bytes=deployment.memory_bytes * (100 - LABEL_PERCENT) // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceCurve:
    """Sequences of one variant that fit at each context, not rounded down, by allocation policy."""

    as_allocated: Sequence[float]
    ideal: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceCurves:
    """Curves over `contexts` by variant, and the sliders' context and number of users."""

    contexts: Sequence[int]
    curves: Mapping[str, SequenceCurve]
    context_len: int
    n_users: int


def sequence_curves(plan: Plan, contexts: Sequence[int]) -> SequenceCurves:
    """The curves of a plan; without any where the weights do not fit."""
    deployments = plan.deployments if plan.shown.kv_budget_bytes > 0 else {}
    return SequenceCurves(
        contexts=contexts,
        curves={
            variant: SequenceCurve(
                as_allocated=_sequences(deployment, contexts, as_allocated=True),
                ideal=_sequences(deployment, contexts, as_allocated=False),
            )
            for variant, deployment in deployments.items()
        },
        context_len=plan.context_len,
        n_users=plan.n_users,
    )


def _sequences(
    deployment: Deployment, contexts: Sequence[int], *, as_allocated: bool
) -> list[float]:
    """Room over bytes of a sequence at each context."""
    room = deployment.kv_budget_bytes
    return [float(room / deployment.sequence_bytes(n, as_allocated=as_allocated)) for n in contexts]


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
