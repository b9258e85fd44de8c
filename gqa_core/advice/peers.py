"""Published models of a size, and which of them share heads as a candidate does.

This size is within a factor of two of the parameters if their number is known, else within a factor
of two of the query heads; and all published models if none is so near.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gqa_core import units
from gqa_core.advice.candidates import Candidate
from gqa_core.advice.request import AdviceRequest
from gqa_core.catalog.models import Model, models
from gqa_core.configs import GroupedConfig
from gqa_core.theory.kv_heads import main_attention

__all__ = ["FACTOR", "Peers", "peers", "q_per_kv"]

FACTOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Published models of one size; `size` says in a phrase which models count."""

    size: str
    models: tuple[Model, ...]

    def names_with(self, candidate: Candidate) -> tuple[str, ...]:
        """The names of those with as many query heads per K/V head, or with MLA."""
        return tuple(known.name for known in self.models if q_per_kv(known) == candidate.q_per_kv)


def q_per_kv(known: Model) -> int | None:
    """Query heads per K/V head of the layers that represent a published model; None for MLA."""
    attention = main_attention(known.config)
    return attention.q_per_kv if isinstance(attention, GroupedConfig) else None


def peers(request: AdviceRequest) -> Peers:
    """The published models of the size of the request's model, in the catalogue's order."""
    caching = [known for known in models() if main_attention(known.config) is not None]
    if request.params is not None:
        near = _near(caching, lambda known: known.params, request.params)
        if near:
            low, high = request.params / FACTOR / 1e9, request.params * FACTOR / 1e9
            return Peers(size=f"{low:,.1f}B to {high:,.1f}B parameters", models=near)
    n_heads = request.attention.n_heads
    near = _near(caching, _n_heads, n_heads)
    if near:
        heads = f"{-(-n_heads // FACTOR)} to {units.count(n_heads * FACTOR, 'query head')}"
        return Peers(size=heads, models=near)
    return Peers(size="any size, since none is near", models=tuple(caching))


def _near(
    known: Iterable[Model], number: Callable[[Model], int | None], wanted: int
) -> tuple[Model, ...]:
    """The models whose number is within the factor."""
    return tuple(
        entry
        for entry in known
        if (own := number(entry)) is not None and wanted <= own * FACTOR <= wanted * FACTOR**2
    )


def _n_heads(known: Model) -> int | None:
    attention = main_attention(known.config)
    return attention.n_heads if attention else None
