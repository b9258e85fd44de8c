"""A plan to serve a model on given GPUs: what fits for each variant, as results and as curves.

An engine's rules say what a sequence takes, and the ideal what it must at least. Without an engine
the ideal stands beside what is allocated if windows save nothing: equal without windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gqa_core.configs import MAX_CONTEXT_LEN, Workload
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.engines import EngineName
from gqa_core.theory.parts import MemoryPart, memory_parts

LABEL_PERCENT = 7  # how far usable memory can be off the vendor's label
IDEAL: EngineName = "ideal"
AS_ALLOCATED: EngineName = "as-allocated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment for each variant on the same GPUs, and the demand: users at a length.

    `gpu` names the GPU, `gpu_source` says who published its memory, None if it was typed; a
    user is one sequence; `variant` is the one that sentences describe. Deployments have the
    overhead to expect, and `safe_overhead_bytes` is the one to count on. Without `weights_known` no
    number that depends on weights may be shown. `weights_note` says whose they are if they are
    another model's, and why that is no answer if it is smaller. Variants in
    `not_split` cannot be split so.
    """

    gpu: str
    gpu_source: str | None
    variant: str
    context_len: int
    n_users: int
    deployments: Mapping[str, Deployment]
    safe_overhead_bytes: int = 0
    weights_known: bool = True
    weights_note: str = ""
    not_split: tuple[str, ...] = ()

    @property
    def shown(self) -> Deployment:
        """The deployment that sentences describe."""
        return self.deployments[self.variant]

    @property
    def sequence_name(self) -> str:
        """A sequence by its variant, "GQA sequence"; of states alone it is no variant's."""
        return f"{self.variant} sequence" if self.shown.model.layer_groups else "sequence"

    @property
    def parts_per_gpu(self) -> tuple[MemoryPart, ...]:
        """Everything that the model described keeps on each GPU."""
        return memory_parts(self.shown.model_per_gpu, self.shown.kv_format)

    @property
    def one_sequence(self) -> Workload:
        """A single sequence of the demand, its tokens on one GPU."""
        return Workload(context_len=-(-self.context_len // self.shown.dcp))

    def safe(self, deployment: Deployment) -> Deployment:
        """The deployment with the overhead to count on."""
        overhead_bytes = max(self.safe_overhead_bytes, deployment.overhead_bytes)
        return replace(deployment, overhead_bytes=overhead_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityResult:
    """Answers for one variant by the rules of one engine; None as in `Deployment`'s methods.

    `safe_sequences` are those to count on, with the overhead of the worst engine log.
    """

    deployment: Deployment
    sequence_bytes: int
    max_sequences: int
    safe_sequences: int
    max_context_len: int | None
    min_gpus: int | None
    min_memory_bytes: int

    @property
    def min_world(self) -> int | None:
        """The fewest GPUs, those of all data-parallel ranks and stages; None if none is enough."""
        if self.min_gpus is None:
            return None
        return replace(self.deployment, n_gpus=self.min_gpus).world

    @property
    def engine(self) -> EngineName:
        """The engine whose rules these answers follow."""
        return self.deployment.engine

    @property
    def memory_in_all(self) -> int:
        """Bytes of memory on all GPUs together."""
        return self.deployment.world * self.min_memory_bytes


def fits(plan: Plan, variant: str) -> tuple[CapacityResult, ...]:
    """One result per engine to report, the ideal last."""
    return tuple(_fit(plan, deployment) for deployment in compared(plan.deployments[variant]))


def compared(deployment: Deployment) -> tuple[Deployment, ...]:
    """The deployment by its engine's rules and as the ideal; the ideal last.

    The ideal has windows as allocated beside it, where some layer has one.
    """
    engine = deployment.engine
    if engine == IDEAL and not deployment.model.has_window_layers:
        return (deployment,)
    other = AS_ALLOCATED if engine == IDEAL else engine
    return replace(deployment, engine=other), replace(deployment, engine=IDEAL)


def engine_label(engine: EngineName) -> str:
    """An engine's name in a sentence: "vllm", "as allocated"."""
    return "as allocated" if engine == AS_ALLOCATED else engine


def context_text(fit: CapacityResult) -> str:
    """The longest context: "41,474", "41,474 or more", "no limit"."""
    if fit.max_context_len is None:
        return "no limit"
    more = " or more" if fit.max_context_len == MAX_CONTEXT_LEN else ""
    return f"{fit.max_context_len:,}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceCurve:
    """Sequences of one variant that fit at each context, not rounded down, by engine and ideal."""

    engine: EngineName
    allocated: Sequence[float]
    ideal: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceCurves:
    """Curves over `contexts` by variant, and the sliders' context and number of users."""

    contexts: Sequence[int]
    curves: Mapping[str, SequenceCurve]
    context_len: int
    n_users: int


def sequence_curves(plan: Plan, contexts: Sequence[int]) -> SequenceCurves:
    """The curves of a plan, those of deployments whose weights fit."""
    return SequenceCurves(
        contexts=contexts,
        curves={
            variant: _curve(each, contexts)
            for variant, each in plan.deployments.items()
            if each.kv_budget_bytes > 0
        },
        context_len=plan.context_len,
        n_users=plan.n_users,
    )


def _curve(deployment: Deployment, contexts: Sequence[int]) -> SequenceCurve:
    deployments = compared(deployment)
    by_engine, ideal = deployments[0], deployments[-1]
    return SequenceCurve(
        engine=by_engine.engine,
        allocated=_sequences(by_engine, contexts),
        ideal=_sequences(ideal, contexts),
    )


def _sequences(deployment: Deployment, contexts: Sequence[int]) -> list[float]:
    """Room over bytes of a sequence at each context, on all data-parallel ranks."""
    room = deployment.kv_budget_bytes
    return [float(deployment.dp * room / deployment.sequence_bytes(n)) for n in contexts]


def _fit(plan: Plan, deployment: Deployment) -> CapacityResult:
    length, users = plan.context_len, plan.n_users
    return CapacityResult(
        deployment=deployment,
        sequence_bytes=deployment.sequence_bytes(length),
        max_sequences=deployment.max_sequences(length),
        safe_sequences=plan.safe(deployment).max_sequences(length),
        max_context_len=deployment.max_context_len(users),
        min_gpus=deployment.min_gpus(length, users),
        min_memory_bytes=deployment.min_memory_bytes(length, users),
    )
