"""The answer of advise as JSON, and as text for the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from gqa_core import units
from gqa_core.configs import MAX_CONTEXT_LEN

if TYPE_CHECKING:
    from gqa_core.advice import Advice
    from gqa_core.advice.advise import Option

__all__ = ["advice_json", "advice_text"]

MISSING = "-"
HEADERS = (
    "",
    "candidate",
    "sharing",
    "users",
    "to count on",
    "longest context",
    "MB per user, GPU",
    "copies",
    "ms predicted",
    "converted",
    "from scratch",
    "published",
)
LEGEND = (
    "> recommended   * no other has as many K/V heads and fewer bytes   x misses a limit",
    "users, context, MB: formula. ms predicted: formula, at the published bandwidth of the label.",
    "converted: loss above MHA, nats per byte, of a small model pooled once trained, then 5% on;",
    "from scratch: trained so from the start. Both are measured elsewhere; - is not measured.",
    "published: models of this size with this ratio of sharing.",
)


def advice_json(advice: Advice) -> str:
    """One JSON object: the answer, its reasons, and every candidate with its evidence."""
    from gqa_core.advice.sentences import assumptions, reasons, recommendation

    request, best = advice.request, advice.recommended
    return json.dumps(
        {
            "answer": recommendation(advice),
            "reasons": reasons(advice),
            "assumptions": assumptions(advice),
            "recommended": None if best is None else best.candidate.name,
            "n_kv_heads": None if best is None else best.candidate.n_kv_heads,
            "closest": advice.closest.candidate.name,
            "device": request.device,
            "tp": request.tp,
            "n_users": request.n_users,
            "context_len": request.context_len,
            "max_step_s": request.max_step_s,
            "kv_format": request.kv_format,
            "engine": request.engine,
            "weight_bytes": request.weight_bytes,
            "weights_kv_heads": request.weights_kv_heads,
            "published_models_of": advice.peers.size,
            "n_published_models": len(advice.peers.models),
            "candidates": [_option_fields(option) for option in advice.options],
            "published_results": _published_fields(advice),
        }
    )


def advice_text(advice: Advice, notes: Sequence[str] = ()) -> str:
    """The recommendation, its reasons, a table of all candidates, and what it rests on."""
    from gqa_core.advice.sentences import assumptions, reasons, recommendation

    return "\n".join(
        [
            recommendation(advice),
            *(f"  {reason}" for reason in reasons(advice)),
            "",
            *_table(advice),
            "",
            *(f"x {line}" for line in _failures(advice)),
            *LEGEND,
            *_measured_lines(advice),
            *assumptions(advice),
            *notes,
        ]
    )


def _option_fields(option: Option) -> dict[str, object]:
    candidate = option.candidate
    return {
        "name": candidate.name,
        "variant": candidate.variant,
        "n_kv_heads": candidate.n_kv_heads,
        "q_per_kv": candidate.q_per_kv,
        "kv_lora_rank": candidate.kv_lora_rank,
        "is_own": candidate.is_own,
        "passes": candidate.can_pass,
        "is_efficient": option.is_efficient,
        "extra_weight_bytes": candidate.extra_weight_bytes,
        "sizes": asdict(candidate.sizes) if candidate.sizes else None,
        "failures": [
            {"limit": failure.limit, "reason": failure.reason} for failure in candidate.failures
        ],
        "small_model_loss": asdict(option.loss) if option.loss else None,
        "measured_step": asdict(option.measured) if option.measured else None,
        "published_models": option.chosen_by,
    }


def _published_fields(advice: Advice) -> list[dict[str, object]]:
    """Published results of the candidates' variants."""
    from gqa_core.catalog.results import published_results

    variants = {option.candidate.variant for option in advice.options}
    return [asdict(result) for result in published_results() if result.variant in variants]


def _table(advice: Advice) -> Iterator[str]:
    """Lines of aligned columns: text to the left, numbers to the right."""
    rows = [HEADERS, *(_cells(advice, option) for option in advice.options)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if index < 2 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _cells(advice: Advice, option: Option) -> Sequence[str]:
    candidate, sizes = option.candidate, option.candidate.sizes
    sharing = f"{candidate.q_per_kv}:1" if candidate.q_per_kv else MISSING
    mark = "".join(
        sign
        for sign, is_set in (
            (">", option is advice.recommended),
            ("*", option.is_efficient),
            ("x", not candidate.can_pass),
        )
        if is_set
    )
    numbers = [MISSING] * 6
    if sizes is not None:
        numbers = [
            f"{sizes.max_users:,}",
            f"{sizes.safe_users:,}",
            _context_text(sizes.max_context_len),
            f"{sizes.sequence_bytes / 1e6:,.1f}",
            str(sizes.kv_copies),
            MISSING if sizes.step_s is None else f"{1e3 * sizes.step_s:.1f}",
        ]
    losses = (option.loss.above_mha, option.loss.scratch_above_mha) if option.loss else (None, None)
    texts = [MISSING if loss is None else f"{loss:+.3f}" for loss in losses]
    return mark, candidate.name, sharing, *numbers, *texts, str(len(option.chosen_by))


def _context_text(context_len: int | None) -> str:
    if context_len is None:
        return "no limit"
    return f"{context_len:,}" + (" or more" if context_len == MAX_CONTEXT_LEN else "")


def _failures(advice: Advice) -> Iterator[str]:
    for option in advice.options:
        if option.candidate.failures:
            reasons = "; ".join(failure.reason for failure in option.candidate.failures)
            yield f"{option.candidate.name}: {reasons}"


def _measured_lines(advice: Advice) -> Iterator[str]:
    """One line per measured step, with what ran: some layers on a device that may be another.

    It is no column beside the prediction, which is of the whole model on the requested GPUs.
    """
    for option in advice.options:
        if step := option.measured:
            yield (
                f"measured: {option.candidate.name} took {units.duration(step.step_s)} for "
                f"{units.count(step.n_layers, 'layer')} of attention in {step.dtype} with "
                f"{step.kernel} on {step.device} ({step.evidence})"
            )
