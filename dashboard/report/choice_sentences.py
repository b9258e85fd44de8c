"""Sentences and numbers of the page that recommends K/V heads."""

from __future__ import annotations

from dashboard.data.choice import Choice
from dashboard.report.metric import Metric
from gqa_core import units
from gqa_core.advice import Advice
from gqa_core.advice.advise import Option
from gqa_core.advice.sentences import assumptions, reasons, recommendation, window_caveat
from gqa_core.configs import MAX_CONTEXT_LEN

__all__ = ["answer", "caption", "details", "method", "metrics", "slider_sentence"]


def answer(advice: Advice) -> str:
    """The recommendation in bold, and why no more K/V heads, or what would help."""
    return " ".join([f"**{recommendation(advice)}**", *_why(advice)])


def details(advice: Advice) -> list[str]:
    """The other reasons, each a sentence."""
    return [reason for reason in reasons(advice) if reason not in _why(advice)]


def _why(advice: Advice) -> list[str]:
    """The reasons that belong to the answer: what it needs, and why no more K/V heads."""
    if advice.recommended is None:
        return [*reasons(advice)]
    caveat = window_caveat(advice)
    why = [reason for reason in reasons(advice) if reason.startswith("With ")]
    return [caveat, *why] if caveat else why


def slider_sentence(choice: Choice, advice: Advice) -> str:
    """A sentence on the K/V heads of the sliders, which the framed row shows; empty if advised."""
    option = next(
        option for option in advice.options if option.candidate.n_kv_heads == choice.n_kv_heads
    )
    if option is advice.recommended:
        return ""
    name = option.candidate.name
    if not option.candidate.can_pass:
        return f"The sliders have {name}: {option.candidate.failures[0].reason}."
    passes = "passes" if choice.n_kv_heads == 1 else "pass"
    return f"The sliders have {name}, which {passes} too: {_users_text(option)}."


def metrics(advice: Advice) -> list[Metric]:
    """Numbers of the recommended option, or of the closest one."""
    option = advice.recommended or advice.closest
    candidate, sizes, request = option.candidate, option.candidate.sizes, advice.request
    if sizes is None:
        return []
    closest = Metric(
        "Closest, does not pass", candidate.name, _sharing_text(option), candidate.variant
    )
    copies = f"; {sizes.kv_copies} GPUs keep the same" if sizes.kv_copies > 1 else ""
    users = units.count(request.step_users, "user")
    step = (
        []
        if sizes.step_s is None
        else [
            Metric(
                "Time of a step",
                units.duration(sizes.step_s),
                f"predicted for {users}: {units.decimal(sizes.read_bytes)} read once",
                candidate.variant,
            )
        ]
    )
    return [
        *([] if advice.recommended else [closest]),
        Metric(
            "Users that fit",
            f"{sizes.max_users:,}",
            f"of {request.context_len:,} tokens; {sizes.safe_users:,} to count on",
            candidate.variant,
        ),
        Metric(
            "Longest context",
            _context_text(sizes.max_context_len),
            f"tokens for {users}",
            candidate.variant,
        ),
        Metric(
            "Cache of a user",
            units.decimal(sizes.sequence_bytes),
            f"{units.capacity(sizes.sequence_bytes)} per GPU{copies}",
            candidate.variant,
        ),
        *step,
    ]


def caption(advice: Advice) -> str:
    """The legend of the figure, in one short paragraph."""
    return (
        "Bars: users that fit. Grey misses a limit: those to count on must be as many as wanted; "
        "hover for the reason. Click a row to set the sliders to it. "
        "◆ no other row has as many K/V heads for fewer bytes. Loss above MHA, nats per byte: a "
        f"small model, trained, then converted to this ratio; - is not measured."
        f"{_scratch_text(advice)} "
        f"Published: {len(advice.peers.models)} models of "
        f"{advice.peers.size}{_others_text(advice)}."
    )


def _scratch_text(advice: Advice) -> str:
    """A clause with the greatest loss of the small model where it was trained so from scratch."""
    losses = [option.loss.scratch_above_mha or 0.0 for option in advice.options if option.loss]
    return f" Trained so from scratch it is {max(losses):+.3f} at most." if any(losses) else ""


def method(choice: Choice, advice: Advice) -> str:
    """The method, its assumptions and sources, in Markdown."""
    lines = "".join(f"- {sentence}\n" for sentence in assumptions(advice))
    return (
        "**What is compared.** Every number of K/V heads that divides the query heads, and MLA. "
        "Windows, states, layers and query heads stay as they are.\n\n"
        "**Users that fit.** (Usable memory x utilisation - weights / GPUs - what the engine takes "
        "besides) / bytes of a user's cache, rounded down. With more GPUs than K/V heads, GPUs "
        "keep copies, and MLA's latent is whole on every GPU.\n\n"
        "**The recommendation.** The most K/V heads that meet every limit. That for "
        "users is met by those to count on, which leave the engine the most memory that start-up "
        "logs show. A model that already "
        "has MLA keeps it if it passes. Otherwise MLA is the answer only if no number of K/V "
        "heads passes.\n\n"
        f"**Assumptions.**\n\n{lines}\n"
        "**Quality.** A small model was trained with a K and a V for each of its 8 heads. "
        "They were pooled by their mean, and it trained on for 5% of its steps. It says in which "
        "order ratios come, not how much a large model loses.\n\n"
        f"**Sources.** {choice.gpus.source or 'The memory of the GPU was typed.'} Published "
        "models: each with its own source on the page *Cache size* and in the catalogue."
    )


def _others_text(advice: Advice) -> str:
    """A clause on the published models in no row, which share in ratios that these heads cannot."""
    n_shown = len({name for option in advice.options for name in option.chosen_by})
    n_unlisted = len(advice.peers.models) - n_shown
    return f", {n_unlisted} of them with other ratios" if n_unlisted else ""


def _sharing_text(option: Option) -> str:
    ratio = option.candidate.q_per_kv
    if ratio is None:
        return "one latent for all query heads"
    if ratio == 1:
        return "one for each query head"
    return f"each shared by {ratio} query heads"


def _users_text(option: Option) -> str:
    sizes = option.candidate.sizes
    assert sizes is not None  # what passes has sizes
    users = units.count(sizes.max_users, "user")
    return f"{users} {'fits' if sizes.max_users == 1 else 'fit'}, {sizes.safe_users:,} to count on"


def _context_text(context_len: int | None) -> str:
    if context_len is None:
        return "no limit"
    return f"{context_len:,}" + (" or more" if context_len == MAX_CONTEXT_LEN else "")
