"""Measured decode steps of a candidate's layer: the same heads, context, users and cache format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gqa_core.advice.candidates import Candidate
from gqa_core.advice.request import AdviceRequest
from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import Evidence
from gqa_core.records.log.selection import RecordFilter

__all__ = ["MeasuredStep", "measured_filter", "measured_step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredStep:
    """The 5th percentile of a step's seconds, of `n_layers` layers of attention on a device."""

    step_s: float
    n_layers: int
    dtype: str
    kernel: str
    device: str
    evidence: Evidence


def measured_filter(request: AdviceRequest) -> RecordFilter:
    """A filter for records of a log that can be a measured step of a candidate."""
    return RecordFilter(
        kinds=("decode",),
        context_lens=(request.context_len,),
        batch_sizes=(request.step_users,),
        kv_formats=(request.kv_format,),
        usable=True,
    )


def measured_step(
    request: AdviceRequest, candidate: Candidate, rows: Iterable[DecodeRow]
) -> MeasuredStep | None:
    """The newest usable measurement of this candidate's layer; None if nobody measured it.

    A measured step is one device's, so there is none of several GPUs.
    """
    if request.tp > 1:
        return None
    fitting = [row for row in rows if _matches(row, request, candidate)]
    row = max(fitting, key=lambda row: row.record.created_at, default=None)
    if row is None:
        return None
    return MeasuredStep(
        step_s=row.step.p5,
        n_layers=row.n_layers,
        dtype=row.dtype,
        kernel=row.record.kernel_ran,
        device=row.record.device.name,
        evidence=row.evidence,
    )


def _matches(row: DecodeRow, request: AdviceRequest, candidate: Candidate) -> bool:
    """True if a usable row has the candidate's heads, users, context and cache format."""
    return (
        (row.context_len, row.batch_size) == (request.context_len, request.step_users)
        and row.kv_format == request.kv_format
        and _heads(row.config) == _heads(candidate.attention)
        and row.record.kernel_ran != "naive"
        and row.is_usable
    )


def _heads(attention: AttentionConfig) -> AttentionConfig:
    """The layer without widths that its cache does not depend on."""
    width = replace(attention, dim=attention.n_heads * attention.v_head_dim)
    return width if isinstance(width, GroupedConfig) else replace(width, q_lora_rank=None)
