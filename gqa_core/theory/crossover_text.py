"""A search for crossovers in words: from where each variant wins, and what hides it below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gqa_core import units
from gqa_core.theory.cost import projection_parameters
from gqa_core.theory.crossover import (
    QUANTITIES,
    Crossover,
    PairedResult,
    Row,
    attend_share,
    context_independent_s,
    crossover,
    layer_of,
    pair_with_mha,
    valid_results,
)


def crossover_sentences(rows: Iterable[Row]) -> list[str]:
    """What MHA's step consists of; for each variant of a run from where it wins; what was left out.

    Nothing where no variant was measured beside MHA.
    """
    found = pair_with_mha(rows)
    all_duels = [duel for fought in found.values() for duel in fought]
    said = [floor_sentence(valid_results(all_duels))] if valid_results(all_duels) else []
    for name, fought in found.items():
        if undisturbed := valid_results(fought):
            said.append(f"{wins_sentence(name, undisturbed)} {own_floor_sentence(undisturbed[0])}")
        else:
            said.append(f"{name} was disturbed by other work at every context.")
    if n_disturbed := len(all_duels) - len(valid_results(all_duels)):
        said.append(
            f"{n_disturbed} of {len(all_duels)} comparisons are left out: the read bandwidth "
            "probed beside them, or their spread, says that other work was in the way. "
            "Run again when it is quiet."
        )
    return said


def floor_sentence(fought: Sequence[PairedResult]) -> str:
    """What of MHA's shortest step is not attention, and how much of the longest is."""
    short, long = (find(fought, key=lambda duel: duel.context_len).mha for find in (min, max))
    said = (
        f"At {short['context_len']} tokens attending is {_share(short)} of MHA's step: weights and "
        f"launches take {units.duration(context_independent_s(short))} of "
        f"{units.duration(context_independent_s(short) + short['attend_s'])}."
    )
    if long["context_len"] > short["context_len"]:
        said += f" At {long['context_len']} tokens attending is {_share(long)}."
    return said


def wins_sentence(name: str, fought: Sequence[PairedResult]) -> str:
    """From where one variant beats MHA on the whole step, and on attending alone."""
    step, attend = (where(crossover(fought, quantity)) for quantity in QUANTITIES)
    if step == attend:
        return f"{name} beats MHA on the whole step and on attending alone {step}."
    return f"{name} beats MHA on the whole step {step}; on attending alone {attend}."


def own_floor_sentence(duel: PairedResult) -> str:
    """What the rest of a variant's step takes beside MHA's, and what that comes from."""
    own, mha = (projection_parameters(layer_of(row)) for row in (duel.own, duel.mha))
    follows = "set it neither ahead nor behind"
    if context_independent_s(duel.own, "_q3") < context_independent_s(duel.mha, "_q1"):
        follows = "put it ahead"
    elif context_independent_s(duel.own, "_q1") > context_independent_s(duel.mha, "_q3"):
        follows = "put it behind"
    return (
        f"Its weights ({units.times(own / mha)} MHA's) and launches take "
        f"{units.duration(context_independent_s(duel.own))} at {duel.context_len} tokens, "
        f"which {follows} before the cache counts."
    )


def where(found: Crossover) -> str:
    """The contexts of a crossover: "from 512 tokens on (at 384 slower)"."""
    if not found.contexts:
        return "nowhere that was not disturbed"
    last = found.contexts[-1]
    if not found.won:
        return f"at no context up to {last} tokens"
    if found.first_win is None:
        if found.bracket:
            return f"only up to {found.last_win} tokens ({_otherwise(found, found.bracket[1])})"
        n_won, n_all = len(found.won), len(found.contexts)
        return f"at {n_won} of {n_all} contexts ({_otherwise(found, last)})"
    if found.last_non_win is None:
        first = found.contexts[0]
        return f"at {'every context measured, ' if first < last else ''}{_span(first, last)} tokens"
    return f"from {found.first_win} tokens on ({_otherwise(found, found.last_non_win)})"


def where_shortly(found: Crossover) -> str:
    """The same for a metric: "from 512", "all from 64", "none"."""
    if not found.contexts:
        return "disturbed"
    if not found.won:
        return "none"
    if found.first_win is None:
        return f"up to {found.last_win}" if found.last_win else f"not at {found.contexts[-1]}"
    if found.last_non_win is None:
        return f"all from {found.first_win}"
    return f"from {found.first_win}"


def _span(first: int, last: int) -> str:
    return f"{first} to {last}" if first < last else str(last)


def _otherwise(found: Crossover, context_len: int) -> str:
    return f"at {context_len} {'slower' if context_len in found.lost else 'not clearly'}"


def _share(row: Row) -> str:
    return f"{100 * attend_share(row):.0f}%"
