"""Texts of the rows of the figure of all candidates: labels, numbers and hovers."""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core import units
from gqa_core.advice import Advice, SmallModelLoss
from gqa_core.advice.advise import Option

__all__ = [
    "loss_hover",
    "option_label",
    "published_hover",
    "ratio_text",
    "users_hover",
    "users_text",
]

EFFICIENT = "◆"  # of the Pareto set
MAX_NAMES = 6  # of published models in a hover


def option_label(advice: Advice, option: Option) -> str:
    """A row's label: "4 (6:1) ◆", with an arrow if it is recommended."""
    candidate = option.candidate
    name = (
        f"MLA {candidate.kv_lora_rank}"
        if candidate.n_kv_heads is None
        else f"{candidate.n_kv_heads} ({candidate.q_per_kv}:1)"
    )
    marked = f"{name} {EFFICIENT if option.is_efficient else ' '}"
    return f"<b>▶ {marked}</b>" if option is advice.recommended else marked


def users_text(option: Option, most: float) -> str:
    """The number of a bar: of users, or the limit that leaves none."""
    number = option.candidate.sizes.max_users if option.candidate.sizes else None
    if number is None:
        return f"no: {option.candidate.failures[0].limit}"
    return f"{number:,} »" if number > most else f"{number:,}"


def loss_hover(loss: SmallModelLoss) -> str:
    """The small model, its loss, how far the seeds are apart, and what training so loses."""
    scratch = loss.scratch_above_mha
    trained = "" if scratch is None else f"<br>trained so from scratch: {scratch:+.3f} above MHA"
    return (
        f"small model, {loss.n_kv_heads} of {loss.n_heads} K/V heads, {loss.percent}% uptrained:"
        f"<br>{loss.loss:.3f} nats per byte, {loss.above_mha:+.3f} above MHA<br>"
        f"{loss.low:.3f} to {loss.high:.3f} over {loss.n_seeds} seeds{trained}"
        "<br>measured elsewhere"
    )


def users_hover(advice: Advice, option: Option) -> str:
    """The figures of a candidate, and the limits that it misses."""
    candidate, sizes = option.candidate, option.candidate.sizes
    lines = [f"<b>{candidate.name}</b>{ratio_text(option)}"]
    if sizes is not None:
        lines.append(f"{units.count(sizes.max_users, 'user')}, {sizes.safe_users:,} to count on")
        lines.append(f"{units.decimal(sizes.sequence_bytes)} per user on each GPU")
        if sizes.kv_copies > 1:
            lines.append(f"{sizes.kv_copies} GPUs keep the same byte")
        if sizes.step_s is not None:
            users = units.count(advice.request.step_users, "user")
            lines.append(f"step for {users}: {units.duration(sizes.step_s)}, predicted")
    lines += [f"fails: {failure.reason}" for failure in candidate.failures]
    if sizes is not None and not option.is_efficient:
        lines.append("another has as many K/V heads or more for as few bytes")
    return "<br>".join(lines)


def published_hover(advice: Advice, option: Option) -> str:
    """The number of published models with this ratio, and their names."""
    names: Sequence[str] = option.chosen_by
    shown = [*names[:MAX_NAMES], *(["..."] if len(names) > MAX_NAMES else [])]
    count = f"{len(names)} of {len(advice.peers.models)} of {advice.peers.size}{ratio_text(option)}"
    return "<br>".join([count, *shown])


def ratio_text(option: Option) -> str:
    """The ratio of sharing after a comma; empty for MLA."""
    return f", {option.candidate.q_per_kv}:1" if option.candidate.q_per_kv else ""
