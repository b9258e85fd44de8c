"""A search for crossovers in words: from where each variant wins, and what hides it below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gqa_core import units
from gqa_core.records.crossover import (
    QUANTITIES,
    Crossover,
    PairedResult,
    attend_share,
    context_independent_s,
    crossover,
    pair_with_mha,
    undisturbed,
)
from gqa_core.records.decode_row import DecodeRow
from gqa_core.theory.cost import projection_parameters

__all__ = ["crossover_sentences", "describe_contexts", "describe_contexts_briefly"]


def crossover_sentences(rows: Iterable[DecodeRow]) -> list[str]:
    """Sentences on MHA's step, on where each variant wins, and on what was left out.

    Empty if no variant was measured beside MHA.
    """
    pairs = pair_with_mha(rows)
    every = [result for results in pairs.values() for result in results]
    valid = undisturbed(every)
    sentences = [_mha_sentence(valid)] if valid else []
    for name, results in pairs.items():
        if variant_results := undisturbed(results):
            wins, fixed = _wins_sentence(name, variant_results), variant_results[0]
            sentences.append(f"{wins} {_fixed_part_sentence(fixed)}")
        else:
            sentences.append(f"{name} was disturbed by other work at every context.")
    if n_disturbed := len(every) - len(valid):
        sentences.append(
            f"{n_disturbed} of {len(every)} comparisons are left out: their samples are unusable, "
            "since other work ran meanwhile. Run again when the machine is quiet."
        )
    return sentences


def _mha_sentence(results: Sequence[PairedResult]) -> str:
    """The fixed part of MHA's shortest step, and attention's share of its longest."""
    by_length = sorted(results, key=lambda result: result.context_len)
    short, long = by_length[0].mha, by_length[-1].mha
    fixed = context_independent_s(short).median
    sentence = (
        f"At {short.context_len} tokens attending is {_percent(short)} of MHA's step: weights and "
        f"launches take {units.duration(fixed)} of {units.duration(fixed + short.attend.p5)}."
    )
    if long.context_len > short.context_len:
        sentence += f" At {long.context_len} tokens attending is {_percent(long)}."
    return sentence


def _wins_sentence(name: str, results: Sequence[PairedResult]) -> str:
    """From where one variant beats MHA on the whole step, and on attending alone."""
    step, attend = (describe_contexts(crossover(results, quantity)) for quantity in QUANTITIES)
    if step == attend:
        return f"{name} beats MHA on the whole step and on attending alone {step}."
    return f"{name} beats MHA on the whole step {step}; on attending alone {attend}."


def _fixed_part_sentence(result: PairedResult) -> str:
    """The part of a variant's step that is not attending, compared with MHA's."""
    own, mha = (projection_parameters(row.config) for row in (result.own, result.mha))
    own_s, mha_s = context_independent_s(result.own), context_independent_s(result.mha)
    effect = "set it neither ahead nor behind"
    if own_s.q3 < mha_s.q1:
        effect = "put it ahead"
    elif own_s.q1 > mha_s.q3:
        effect = "put it behind"
    return (
        f"Its weights ({units.times(own / mha)} MHA's) and launches take "
        f"{units.duration(own_s.median)} at {result.context_len} tokens, "
        f"which {effect} before the cache counts."
    )


def describe_contexts(wins: Crossover) -> str:
    """The contexts at which a variant wins: "from 512 tokens on (at 384 slower)"."""
    if not wins.contexts:
        return "nowhere that was not disturbed"
    last = wins.contexts[-1]
    if not wins.won:
        return f"at no context up to {last} tokens"
    if wins.first_win is None:
        if wins.bracket:
            return f"only up to {wins.last_win} tokens ({_otherwise(wins, wins.bracket[1])})"
        n_won, n_all = len(wins.won), len(wins.contexts)
        return f"at {n_won} of {n_all} contexts ({_otherwise(wins, last)})"
    if wins.last_non_win is None:
        first = wins.contexts[0]
        return f"at {'every context measured, ' if first < last else ''}{_span(first, last)} tokens"
    return f"from {wins.first_win} tokens on ({_otherwise(wins, wins.last_non_win)})"


def describe_contexts_briefly(wins: Crossover) -> str:
    """The contexts in a few words, for a metric: "from 512 tokens", "every context"."""
    if not wins.contexts:
        return "disturbed"
    if not wins.won:
        return "at no context"
    if wins.first_win is None:
        few = f"at {len(wins.won)} of {len(wins.contexts)} contexts"
        return f"up to {wins.last_win} tokens" if wins.last_win else few
    if wins.last_non_win is None:
        return "every context"
    return f"from {wins.first_win} tokens"


def _span(first: int, last: int) -> str:
    return f"{first} to {last}" if first < last else str(last)


def _otherwise(wins: Crossover, context_len: int) -> str:
    return f"at {context_len} {'slower' if context_len in wins.lost else 'not clearly'}"


def _percent(row: DecodeRow) -> str:
    return f"{100 * attend_share(row):.0f}%"
