"""Questions that a reader may guess at before the page tells: one per page, by formula."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import offered
from gqa_core import units
from gqa_core.configs import MAX_CONTEXT_LEN, Workload
from gqa_core.theory.parts import total_bytes

LONG_TEXT = 1_000_000  # tokens of the question about a price
PRICED_MODEL = "Llama 3 8B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A question in Markdown, the bytes that answer it, and the rule that it teaches."""

    question: str
    n_bytes: int
    lesson: str


def guess_result(guess: Guess, gigabytes: float) -> str:
    """The truth, how far a guess in GB is from it, and the lesson."""
    truth = guess.n_bytes / units.GB
    return (
        f"It is **{units.decimal(guess.n_bytes)}**. {_difference(gigabytes, truth)} {guess.lesson}"
    )


def longer_context_guess(settings: ModelSettings) -> Guess:
    """The MHA cache of four times the tokens."""
    context_len = min(4 * settings.context_len, MAX_CONTEXT_LEN)
    windows = settings.has_window_layers
    return Guess(
        question=f"How many GB does the MHA cache take for **{context_len} tokens**?",
        n_bytes=settings.cache_bytes("MHA", context_len),
        lesson="Layers with a window stop growing, the others grow with every token."
        if windows
        else "Every token adds the same number of bytes.",
    )


def other_heads_guess(settings: ModelSettings) -> Guess:
    """The cache with another number of K/V heads: half of them, or all heads for a single one."""
    n_kv_heads = settings.n_kv_heads
    other = n_kv_heads // 2 if n_kv_heads % 2 == 0 else settings.n_heads
    changed = replace(settings, n_kv_heads=other)
    variant = next(
        name
        for name, attention in changed.variants.items()
        if getattr(attention, "n_kv_heads", None) == other
    )
    return Guess(
        question=f"How many GB do {settings.context_len} tokens take with "
        f"**{units.count(other, 'K/V head')}** instead of {n_kv_heads}?",
        n_bytes=changed.cache_bytes(variant, settings.context_len),
        lesson="The cache grows with the K/V heads; the query heads do not matter.",
    )


def other_format_guess(settings: ModelSettings) -> Guess:
    """The MHA cache in a format of another width."""
    other = "bf16" if settings.kv_format in ("fp8", "int8") else "fp8"
    return Guess(
        question=f"How many GB does the MHA cache take in **{other}** instead of "
        f"{settings.kv_format}, for {settings.context_len} tokens?",
        n_bytes=replace(settings, kv_format=other).cache_bytes("MHA", settings.context_len),
        lesson="The bytes of an element count in full; the number of elements stays.",
    )


def price_guess() -> Guess:
    """The cache of a real model for a long text: the price of not computing again."""
    model = offered(measuring=False)[PRICED_MODEL].model
    assert model is not None
    return Guess(
        question=f"The price is memory. How many GB does **{PRICED_MODEL}** keep for "
        f"**{LONG_TEXT:,} tokens** in bf16?",
        n_bytes=total_bytes(model, Workload(context_len=LONG_TEXT), "bf16"),
        lesson="Its weights take 16 GB: for long texts the cache is the larger part.",
    )


def _difference(guess: float, truth: float) -> str:
    if guess <= 0:
        return "You said nothing at all."
    ratio = max(guess / truth, truth / guess)
    if ratio < 1.05:
        return "You were right to 5%."
    return f"Your guess was {units.times(ratio)} too {'large' if guess > truth else 'small'}."
