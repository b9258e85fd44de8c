"""The answer of fit as JSON, and as text for the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import floor
from typing import TYPE_CHECKING

from gqa_core import units
from gqa_core.configs import MAX_CONTEXT_LEN

if TYPE_CHECKING:
    from gqa_core.theory.capacity import Deployment

__all__ = ["FitReport", "fit_json", "fit_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitReport:
    """A deployment and what is asked of it; None stands for a number that was not given."""

    deployment: Deployment
    context_len: int | None
    batch_size: int | None
    own_max_context_len: int | None
    assumptions: tuple[str, ...]
    not_counted: tuple[str, ...]
    are_weights_estimated: bool
    is_overhead_given: bool

    @property
    def max_sequences(self) -> int | None:
        """The most sequences of the context that fit; None without a context."""
        if self.context_len is None:
            return None
        return self.deployment.max_sequences(self.context_len)

    @property
    def max_context_len(self) -> int | None:
        """The longest context of the batch; None without a batch, or if there is no limit."""
        if self.batch_size is None:
            return None
        return self.deployment.max_context_len(self.batch_size)

    @property
    def can_fit(self) -> bool | None:
        """True if the batch fits at the context; None unless both are given."""
        if self.context_len is None or self.batch_size is None:
            return None
        return self.deployment.fits(self.context_len, self.batch_size)


def fit_json(report: FitReport) -> str:
    """One flat JSON object; answers to questions that were not asked are left out.

    A `max_context_len` of null is no limit.
    """
    deployment = report.deployment
    fields: dict[str, object] = {
        "engine": deployment.engine,
        "kv_format": deployment.kv_format,
        **asdict(deployment.parallelism),
        "n_gpus": deployment.world,
        "kv_budget_bytes_per_gpu": floor(deployment.kv_budget_bytes),
        "weight_bytes_per_gpu": floor(deployment.weight_bytes_per_gpu),
    }
    if report.context_len is not None:
        fields |= {
            "context_len": report.context_len,
            "bytes_per_sequence_per_gpu": deployment.sequence_bytes(report.context_len),
            "max_sequences": report.max_sequences,
            "max_sequences_as_allocated": deployment.max_sequences(
                report.context_len, as_allocated=True
            ),
        }
    if report.batch_size is not None:
        fields |= {
            "batch_size": report.batch_size,
            "max_context_len": report.max_context_len,
            "max_context_len_as_allocated": deployment.max_context_len(
                report.batch_size, as_allocated=True
            ),
        }
    if report.can_fit is not None:
        fields["fits"] = report.can_fit
    return json.dumps(fields | {name: getattr(report, name) for name in NOTES})


def fit_text(report: FitReport) -> str:
    """A few lines: the budget, what fits in it, and what the figures rest on."""
    return "\n".join([*_budget_lines(report), *_answer_lines(report), *_note_lines(report)])


NOTES = ("own_max_context_len", "assumptions", "not_counted")


def _budget_lines(report: FitReport) -> Iterator[str]:
    deployment = report.deployment
    split = deployment.parallelism
    gpus = units.count(deployment.world, "GPU")
    yield (
        f"{gpus} (tp {split.tp}, dp {split.dp}, dcp {split.dcp}, pp {split.pp}), "
        f"engine {deployment.engine}, {deployment.kv_format}"
    )
    budget = floor(deployment.kv_budget_bytes)
    if budget <= 0:
        yield "for the cache: nothing is left, since weights and overhead take the whole memory"
    else:
        yield f"for the cache: {units.binary_and_decimal(budget)} per GPU"


def _answer_lines(report: FitReport) -> Iterator[str]:
    deployment = report.deployment
    if report.context_len is not None:
        n_bytes = deployment.sequence_bytes(report.context_len)
        yield f"per sequence and GPU: {units.binary_and_decimal(n_bytes)}"
        sequences = units.count(report.max_sequences or 0, "sequence")
        yield f"most sequences of {units.count(report.context_len, 'token')}: {sequences}"
    if report.batch_size is not None:
        batch = units.count(report.batch_size, "sequence")
        yield f"longest context of {batch}: {_context_text(report.max_context_len)}"
    if report.can_fit is not None:
        yield f"fits: {'yes' if report.can_fit else 'no'}"


def _context_text(context_len: int | None) -> str:
    if context_len is None:
        return "no limit, since every layer has a window"
    more = " or more" if context_len == MAX_CONTEXT_LEN else ""
    return units.count(context_len, "token") + more


def _note_lines(report: FitReport) -> Iterator[str]:
    deployment = report.deployment
    if report.are_weights_estimated:
        weights = units.decimal(deployment.weight_bytes)
        yield f"weights: {weights}, as the model's description says"
    if not report.is_overhead_given:
        from gqa_core.theory.overhead import engine_overhead

        expected = units.decimal(engine_overhead(deployment.engine).expected_bytes)
        yield f"overhead: 0 B; advise and the dashboard take {expected}"
    longest = max(report.context_len or 0, report.max_context_len or 0)
    if report.own_max_context_len is not None and longest > report.own_max_context_len:
        yield f"the model's own maximum is {units.count(report.own_max_context_len, 'token')}"
    if report.assumptions:
        yield f"assumptions: {'; '.join(report.assumptions)}"
    if report.not_counted:
        yield f"not counted: {'; '.join(report.not_counted)}"
