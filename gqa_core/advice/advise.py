"""The answer: every candidate with its evidence, the Pareto set, and one recommendation.

More K/V heads are taken to be never worse in quality: each head can learn what a shared one does.
Among numbers of K/V heads the answer is therefore the largest that meets every limit. No published
table ranks GQA against MLA, so MLA is compared with neither: it is the answer if the model already
has it, or if no number of K/V heads passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from gqa_core.advice.candidates import Candidate, list_candidates
from gqa_core.advice.measured import MeasuredStep, measured_step
from gqa_core.advice.peers import Peers, peers
from gqa_core.advice.request import AdviceRequest
from gqa_core.advice.small_model import SmallModelLoss, losses_by_ratio
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.kinds import QualityRecord

__all__ = ["Advice", "Option", "advise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A candidate, and what others measured and chose.

    `is_efficient` is True in the Pareto set: no other candidate of its kind has as many K/V heads
    (or as wide a latent) and needs fewer bytes per user. `loss` is None between measured ratios.
    """

    candidate: Candidate
    is_efficient: bool
    loss: SmallModelLoss | None
    chosen_by: tuple[str, ...]
    measured: MeasuredStep | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """All options, and the recommended one; `closest` of the Pareto set misses its limits least."""

    request: AdviceRequest
    options: tuple[Option, ...]
    peers: Peers
    recommended: Option | None
    closest: Option

    @property
    def passing(self) -> tuple[Option, ...]:
        """The options that meet every limit, in their order."""
        return tuple(option for option in self.options if option.candidate.can_pass)

    @property
    def next_larger(self) -> Option | None:
        """The option with the next more K/V heads than the recommended one, which fails."""
        if self.recommended is None or self.recommended.candidate.n_kv_heads is None:
            return None
        index = self.options.index(self.recommended)
        return self.options[index - 1] if index else None


def advise(
    request: AdviceRequest,
    quality: Iterable[QualityRecord] = (),
    rows: Sequence[DecodeRow] = (),
) -> Advice:
    """The candidates of a request, judged; `quality` and `rows` are records to show beside them.

    Raises:
        ValueError: the request's engine or format is not known.
    """
    judged, near, losses = list_candidates(request), peers(request), losses_by_ratio(quality)
    options = tuple(
        Option(
            candidate=candidate,
            is_efficient=_is_efficient(candidate, judged),
            loss=losses.get(candidate.q_per_kv) if candidate.q_per_kv else None,
            chosen_by=near.names_with(candidate),
            measured=measured_step(request, candidate, rows),
        )
        for candidate in judged
    )
    recommended = _recommended(options)
    return Advice(
        request=request,
        options=options,
        peers=near,
        recommended=recommended,
        closest=recommended or _closest(options),
    )


def _recommended(options: Sequence[Option]) -> Option | None:
    """The model's own MLA if it passes, else the most K/V heads, else the widest latent."""
    passing = [option for option in options if option.candidate.can_pass]
    own = [option for option in passing if option.candidate.is_own]
    if own and own[0].candidate.variant == "MLA":
        return own[0]
    return passing[0] if passing else None


def _closest(options: Sequence[Option]) -> Option:
    """The option of the Pareto set that misses its limits least; any if none can be split so."""
    efficient = [option for option in options if option.is_efficient]
    return min(efficient or options, key=_distance)


def _distance(option: Option) -> tuple[float, float, float]:
    """Sort key of an option: its distance from the limits, then its bytes."""
    candidate = option.candidate
    if candidate.sizes is None:
        return inf, inf, inf
    return candidate.distance, candidate.sizes.weight_bytes, candidate.sizes.sequence_bytes


def _is_efficient(candidate: Candidate, candidates: Iterable[Candidate]) -> bool:
    """True if no other of its kind is at least as good in both respects, and better in one."""
    own = _merits(candidate)
    return own is not None and not any(
        merits is not None
        and (other.variant == "MLA") == (candidate.variant == "MLA")
        and merits != own
        and all(theirs >= this for theirs, this in zip(merits, own, strict=True))
        for other in candidates
        if (merits := _merits(other)) is not None
    )


def _merits(candidate: Candidate) -> tuple[int, int] | None:
    """K/V heads or width of the latent, and bytes per user below zero: larger is better."""
    if candidate.sizes is None:
        return None
    heads = candidate.n_kv_heads or candidate.kv_lora_rank or 0
    return heads, -candidate.sizes.sequence_bytes
