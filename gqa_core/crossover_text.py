"""A search for crossovers in words: from where each variant wins, and what hides it below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gqa_core import units
from gqa_core.theory.cost import projection_parameters
from gqa_core.theory.crossover import (
    Crossover,
    Duel,
    Row,
    attend_share,
    crossover,
    duels,
    floor_s,
    layer_of,
    variant_name,
)

ALIKE = 0.05  # two floors that are no further apart are told as one


def crossover_sentences(rows: Iterable[Row]) -> list[str]:
    """For each variant of a run: from where it wins, then what the step is below and at the end."""
    return [
        f"{wins_sentence(name, fought)} {floor_sentence(fought)}"
        for name, fought in duels(rows).items()
    ]


def wins_sentence(name: str, fought: Sequence[Duel]) -> str:
    """From where one variant beats MHA on the whole step, and on attending alone."""
    step, attend = (where(crossover(fought, quantity)) for quantity in ("step", "attend"))
    if step == attend:
        return f"{name} beats MHA on the whole step and on attending alone {step}."
    return f"{name} beats MHA on the whole step {step}, on attending alone {attend}."


def where(found: Crossover) -> str:
    """The contexts of a crossover: "from 512 tokens on (at 384 not yet)"."""
    first, last = found.contexts[0], found.contexts[-1]
    if found.first_win is None:
        return f"at no context up to {last} tokens" if last > first else f"not at {last} tokens"
    if found.last_other is None:
        return f"at every context from {first} to {last} tokens" if last > first else f"at {last}"
    return f"from {found.first_win} tokens on (at {found.last_other} not yet)"


def where_shortly(found: Crossover) -> str:
    """The same for a metric: "512 tokens", "64 or fewer", "none up to 16384"."""
    if found.first_win is None:
        return f"none up to {found.contexts[-1]}"
    if found.last_other is None:
        return f"{found.first_win} or fewer"
    return f"{found.first_win} tokens"


def floor_sentence(fought: Sequence[Duel]) -> str:
    """What of the shortest step is not attention, for MHA and the variant, and at the longest."""
    short, long = fought[0], fought[-1]
    mha, own = floor_s(short.mha), floor_s(short.own)
    whole = units.duration(mha + short.mha["attend_s"])
    said = (
        f"At {short.context_len} tokens attending is {_share(short.mha)} of MHA's step: weights "
        f"and launches take {units.duration(mha)} of {whole}, "
    )
    if abs(own / mha - 1) <= ALIKE:
        said += "and about the same with it."
    else:
        weights = projection_parameters(layer_of(short.own)) / projection_parameters(
            layer_of(short.mha)
        )
        said += (
            f"and {units.duration(own)} with {variant_name(short.own)}, whose projections hold "
            f"{units.times(weights)} the weights."
        )
    if long.context_len > short.context_len:
        said += f" At {long.context_len} attending is {_share(long.mha)} of MHA's step."
    return said


def _share(row: Row) -> str:
    return f"{100 * attend_share(row):.0f}%"
