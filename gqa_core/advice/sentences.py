"""The answer in words: one recommendation with its reasons, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isinf

from gqa_core import units
from gqa_core.advice.advise import Advice, Option
from gqa_core.advice.candidates import candidate_model, deployment
from gqa_core.advice.request import AdviceRequest
from gqa_core.advice.weights import WIDTHS_PER_HEADS
from gqa_core.configs import LatentConfig

__all__ = [
    "assumptions",
    "demand_text",
    "gpus_text",
    "reasons",
    "recommendation",
    "window_caveat",
]

MAX_NAMES = 3  # of published models in a sentence


def recommendation(advice: Advice) -> str:
    """One sentence: what to take and why, or that nothing passes and which limit is closest."""
    option = advice.recommended
    if option is None:
        return _none_passes(advice)
    candidate, served = option.candidate, demand_text(advice.request)
    if candidate.variant != "MLA":
        if advice.next_larger is None:
            return f"Take {candidate.name}, one for each query head: {served} even with MHA."
        return f"Take {candidate.name}, the most with which {served}."
    if candidate.is_own:
        return f"Keep {candidate.name}, the model's own, with which {served}."
    return f"Take {candidate.name}: {served} with it, and with no number of K/V heads."


def reasons(advice: Advice) -> tuple[str, ...]:
    """Short sentences behind the recommendation: figures, the next option, and published models."""
    option = advice.recommended
    if option is None:
        return tuple(_remedies(advice))
    return tuple(_reasons(advice, option))


def window_caveat(advice: Advice) -> str:
    """A sentence if the recommended option serves these users only where windows free memory."""
    option, wanted = advice.recommended, advice.request.n_users or 1
    sizes = option.candidate.sizes if option else None
    if sizes is None or sizes.max_users_as_allocated >= wanted:
        return ""
    return (
        "This needs an engine that frees what leaves a window: one that reserves the whole context "
        f"holds {sizes.max_users_as_allocated:,} of {units.count(wanted, 'user')}."
    )


def demand_text(request: AdviceRequest, verb: str = "can serve") -> str:
    """The limits in a clause: "1 x H100 can serve 100 users of 8,192 tokens"."""
    users = units.count(request.n_users or 1, "user")
    tokens = units.count(request.context_len, "token")
    demand = f"{gpus_text(request)} {verb} {users} of {tokens}"
    if request.max_step_s is None:
        return demand
    return f"{demand} within {units.duration(request.max_step_s)} per token"


def gpus_text(request: AdviceRequest) -> str:
    """The GPUs: "1 x NVIDIA H100 SXM"."""
    return f"{request.tp} x {request.device}"


def assumptions(advice: Advice) -> tuple[str, ...]:
    """Sentences about assumptions that the answer rests on."""
    return tuple(_assumptions(advice.request))


def _reasons(advice: Advice, option: Option) -> Iterator[str]:
    sizes, request = option.candidate.sizes, advice.request
    assert sizes is not None
    if caveat := window_caveat(advice):
        yield caveat
    users = units.count(sizes.max_users, "user")
    yield f"{users} {'fits' if sizes.max_users == 1 else 'fit'}, {sizes.safe_users:,} to count on."
    if not window_caveat(advice) and sizes.max_users_as_allocated < sizes.max_users:
        reserved = units.count(sizes.max_users_as_allocated, "user")
        yield f"An engine that reserves the whole context for windows holds {reserved}."
    if advice.next_larger and advice.next_larger.candidate.failures:
        more = advice.next_larger.candidate
        yield f"With {more.name}, {more.failures[0].reason}."
    if sizes.step_s is not None:
        users = units.count(request.step_users, "user")
        yield (
            f"A step for {users} reads {units.decimal(sizes.read_bytes)} per GPU: predicted "
            f"{units.duration(sizes.step_s)} at the label's bandwidth."
        )
    yield _peers_sentence(advice, option)


def _peers_sentence(advice: Advice, option: Option) -> str:
    names, ratio = option.chosen_by, option.candidate.q_per_kv
    sharing = f"share {ratio}:1" if ratio else "have MLA"
    published = units.count(len(advice.peers.models), "published model")
    more = " and others" if len(names) > MAX_NAMES else ""
    examples = f": {', '.join(names[:MAX_NAMES])}{more}" if names else ""
    return f"{len(names)} of {published} of {advice.peers.size} {sharing}{examples}."


def _none_passes(advice: Advice) -> str:
    """The limits, the closest candidate, and the limit that it misses most, with both figures."""
    demand, candidate = demand_text(advice.request, "cannot serve"), advice.closest.candidate
    failure = max(candidate.failures, key=lambda failure: failure.factor)
    times = units.times(failure.factor)
    missed = "" if isinf(failure.factor) else f" ({times} over the limit on {failure.limit})"
    return (
        f"No candidate passes: {demand}. The closest is {candidate.name}{missed}: {failure.reason}."
    )


def _remedies(advice: Advice) -> Iterator[str]:
    """The fewest GPUs on which the closest option holds these users, if there are any."""
    request, candidate = advice.request, advice.closest.candidate
    if candidate.sizes is None:
        return
    planned = deployment(request, candidate_model(request, candidate), candidate.extra_weight_bytes)
    safe = replace(planned, overhead_bytes=request.safe_overhead_bytes)
    n_gpus = safe.min_gpus(request.context_len, request.n_users or 1)
    if n_gpus and n_gpus > request.tp:
        yield f"{candidate.name[0].upper()}{candidate.name[1:]} would fit on {n_gpus} GPUs."


def _assumptions(request: AdviceRequest) -> Iterator[str]:
    yield (
        "A candidate passes if the users to count on are as many as wanted: those that fit if the "
        "engine takes besides what it took at most in public start-up logs, one aside."
    )
    yield (
        "More K/V heads are taken to be never worse in quality. No published table ranks GQA "
        "against MLA, so MLA is not ranked with the others."
    )
    yield (
        "The time of a step is predicted: weights and caches are read once at the bandwidth on the "
        "label. Real steps of a dense model take longer. A mixture of experts reads less with few "
        "users."
    )
    yield _weights_sentence(request)
    if not request.model.is_uniform:
        yield "Every layer gets the candidate's K/V heads; its own windows and states stay."


def _weights_sentence(request: AdviceRequest) -> str:
    weights = units.decimal(request.total_weight_bytes)
    if isinstance(request.attention, LatentConfig):
        belongs = "the model's own MLA"
    elif request.weights_kv_heads is None:
        belongs = "a single K/V head, since their number is not given"
    else:
        belongs = units.count(request.weights_kv_heads, "K/V head")
    width = "" if isinstance(request.attention, LatentConfig) else f"{WIDTHS_PER_HEADS}x "
    return (
        f"{weights} of weights are those with {belongs}. Candidates with smaller projections keep "
        "them. Those with larger ones get the most that can come on top, for a model at most "
        f"{width}as wide as its heads together."
    )
