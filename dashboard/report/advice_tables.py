"""Tables of the page that asks for the number of K/V heads: all options, and measured steps."""

from __future__ import annotations

from dashboard.report.columns import COUNT, GB, MS, NATS, Column, Table
from gqa_core.advice import Advice
from gqa_core.advice.advise import Option
from gqa_core.configs import MAX_CONTEXT_LEN

__all__ = ["option_table"]


def option_table(advice: Advice) -> Table[Option]:
    """One row per option: what fits, its step, its evidence, and why it does not pass.

    A measured step is of some layers on another device than the GPUs, so it stands apart.
    """
    users = f"for {advice.request.step_users}"
    columns = (
        Column[Option]("K/V heads", lambda option: _name(option)),
        Column[Option]("Verdict", lambda option: _verdict(advice, option)),
        Column[Option]("Users that fit", lambda option: _size(option, "max_users"), COUNT),
        Column[Option]("To count on", lambda option: _size(option, "safe_users"), COUNT),
        Column[Option](f"Longest context {users}", _context),
        Column[Option]("Cache per user and GPU", lambda o: _size(o, "sequence_bytes"), GB),
        Column[Option]("Copies", lambda option: _size(option, "kv_copies"), COUNT),
        Column[Option](f"Step {users}, predicted", lambda option: _size(option, "step_s"), MS),
        Column[Option](
            "Loss above MHA, converted", lambda o: o.loss.above_mha if o.loss else None, NATS
        ),
        Column[Option](
            "Loss above MHA, from scratch",
            lambda o: o.loss.scratch_above_mha if o.loss else None,
            NATS,
        ),
        Column[Option]("Published models", lambda option: len(option.chosen_by), COUNT),
        Column[Option]("Pareto set", lambda option: "yes" if option.is_efficient else "no"),
        Column[Option]("Layers' step, measured", _measured, MS),
        Column[Option]("Measured with", _conditions),
    )
    return Table(columns, advice.options)


def _name(option: Option) -> str:
    candidate = option.candidate
    if candidate.n_kv_heads is None:
        return f"MLA, latent of {candidate.kv_lora_rank}"
    return f"{candidate.n_kv_heads} ({candidate.q_per_kv}:1)"


def _verdict(advice: Advice, option: Option) -> str:
    if option is advice.recommended:
        return "recommended"
    return "; ".join(failure.reason for failure in option.candidate.failures) or "passes"


def _size(option: Option, field: str) -> object:
    sizes = option.candidate.sizes
    return None if sizes is None else getattr(sizes, field)


def _context(option: Option) -> str | None:
    sizes = option.candidate.sizes
    if sizes is None:
        return None
    if sizes.max_context_len is None:
        return "no limit"
    more = " or more" if sizes.max_context_len == MAX_CONTEXT_LEN else ""
    return f"{sizes.max_context_len:,}{more}"


def _measured(option: Option) -> float | None:
    return option.measured.step_s if option.measured else None


def _conditions(option: Option) -> str | None:
    step = option.measured
    if step is None:
        return None
    layers = "1 layer" if step.n_layers == 1 else f"{step.n_layers} layers"
    return f"{layers}, {step.dtype}, {step.kernel}, {step.device}, {step.evidence}"
