"""What the numbers of a page say in words: parts of a cache, formulas filled in, answers."""

from __future__ import annotations

from dashboard.data.cached_parts import describe_heads
from dashboard.settings.model import ModelSettings
from dashboard.settings.variants import describe_latent
from gqa_core import units
from gqa_core.configs import AttentionConfig, GroupedConfig, LatentConfig, LayerGroup
from gqa_core.theory.memory import (
    kv_elements_per_token,
    layer_bytes_per_token,
    reduction_vs_mha,
    tokens_to_fill,
)
from gqa_core.theory.sharding import n_replicas
from gqa_core.theory.sharing import CachedPart

LECTURE_BYTES = 400 * units.GB  # "the KV cache size can grow to 400 GB"


def copies_sentence(attention: AttentionConfig, tp: int) -> str:
    """What `tp` GPUs hold more than once, and what more of them would bring."""
    kept = n_replicas(attention, tp)
    if not isinstance(attention, GroupedConfig):
        return (
            f"MLA's latent has no head to deal out: each of {tp} GPUs keeps all of it, so more "
            "GPUs do not make the cache of one smaller."
        )
    n_kv_heads = units.count(attention.n_kv_heads, "K/V head")
    if kept == 1:
        each = units.count(attention.n_kv_heads // tp, "K/V head")
        return f"Each of {tp} GPUs keeps {each} of {attention.n_kv_heads}: nothing is kept twice."
    return (
        f"{tp} GPUs share {n_kv_heads}: each is kept {kept} times, so from {attention.n_kv_heads} "
        "GPUs on more of them do not make the cache of one smaller."
    )


def part_sentence(part: CachedPart, kv_format: str) -> str:
    """A cached part in words: who reads it, how large it is, and its share of the read."""
    n_queries = len(part.query_heads)
    article = "" if part.name.startswith("K/V head") else "The "
    return (
        f"{article}**{part.name}** is read by {describe_heads(part.query_heads)} "
        f"({units.count(n_queries, 'query head')}). "
        f"It keeps {units.capacity(part.bytes_per_token)} per token and layer in "
        f"{kv_format}, {units.percent(part.read_share)} of what a step reads."
    )


def sharing_sentence(attention: AttentionConfig) -> str:
    """Who shares with whom, in the words of this project and of the lecture."""
    if isinstance(attention, LatentConfig):
        return (
            f"A {describe_latent(attention)} are cached for all {attention.n_heads} query heads. "
            "Every head unfolds its own K and V from the latent, and its K takes the RoPE key as "
            "it is: what is cached is shared, what is looked at is not."
        )
    n, per = attention.n_kv_heads, attention.q_per_kv
    groups = f"{units.count(n, 'K/V head')} (G = {units.count(n, 'group')})"
    if per == 1:
        return f"{groups}, one query each: no head shares its K and V."
    return (
        f"{groups}, {per} queries each. Heads that share K and V still have their own queries, "
        "so they still look for different things."
    )


def heads_answer(attention: AttentionConfig) -> str:
    """The one-line answer of the page on head groups."""
    times = units.times(reduction_vs_mha(attention))
    n_heads = attention.n_heads
    if isinstance(attention, LatentConfig):
        ours, mha = kv_elements_per_token(attention), kv_elements_per_token(attention.mha_baseline)
        return (
            f"N = {n_heads} heads have their own K and V each, unfolded from {ours:,} cached "
            f"elements a token and layer: {mha:,} / {ours:,} = {times} fewer than MHA keeps."
        )
    n, per = attention.n_kv_heads, attention.q_per_kv
    return (
        f"N = {n_heads} heads in G = {units.count(n, 'group')} are "
        f"{units.count(per, 'head')} in each group, and the cache is "
        f"N / n_kv_heads = {n_heads} / {n} = {times} smaller than MHA's."
        if per > 1
        else f"N = {n_heads} heads in G = {n} groups are 1 head in each group: this is MHA, "
        f"and N / n_kv_heads = {n_heads} / {n} = {times} saves nothing."
    )


def size_caption(settings: ModelSettings, variant: str) -> str:
    """A cache in decimal units, and how it compares: "33.55 MB, 4x smaller than MHA"."""
    said = units.decimal(settings.cache_bytes(variant, settings.context_len))
    if variant == "MHA":
        said += ", the yardstick"
    else:
        said += f", {units.times(settings.reduction_vs_mha(variant))} smaller than MHA"
    if settings.has_window_layers:
        allocated = units.capacity(settings.allocated_bytes(variant, settings.context_len))
        said += f"; {allocated} as allocated"
    return said


def formula_filled_in(settings: ModelSettings, variant: str) -> str:
    """The formula with the sliders' numbers put in, and what comes out."""
    runs = settings.models[variant].layer_groups
    terms = " + ".join(_run_filled_in(settings, run) for run in runs)
    n_bytes = settings.cache_bytes(variant, settings.context_len)
    return (
        f"{terms if len(runs) == 1 else f'({terms})'} x {settings.batch_size} = "
        f"{units.exact_bytes(n_bytes)} = {units.binary_and_decimal(n_bytes)}"
    )


def lecture_sentence(settings: ModelSettings) -> str:
    """At which context, and in which format, MHA with these numbers keeps the lecture's 400 GB.

    Raises:
        ValueError: a layer sees a window only.
    """
    model = settings.models["MHA"]
    n_tokens = tokens_to_fill(LECTURE_BYTES, model, settings.batch_size, settings.kv_format)
    return (
        f"{units.count(model.n_layers, 'layer')}, {settings.n_heads} heads of width "
        f"{settings.head_dim}, {settings.kv_format}, batch {settings.batch_size}: "
        f"MHA reaches 400 GB at {units.count(n_tokens, 'token')}"
    )


def cache_answer(settings: ModelSettings) -> str:
    """The one-line answer of the page on the KV cache."""
    sizes = [
        f"{name} {units.binary_and_decimal(settings.cache_bytes(name, settings.context_len))}"
        for name in settings.models
    ]
    told = f"At {settings.context_len} tokens: {', '.join(sizes)}."
    if settings.has_window_layers:
        return f"{told} Layers with a window stop growing there, if the engine lets them."
    return f"{told} {lecture_sentence(settings)}."


def _run_filled_in(settings: ModelSettings, run: LayerGroup) -> str:
    """The bytes of layers alike and one sequence: "2 x 8 x 64 x 12 layers x 2 B x 8192 tokens"."""
    attention, tokens = run.attention, str(settings.context_len)
    if isinstance(attention, LatentConfig):
        elements = f"({attention.kv_lora_rank} + {attention.qk_rope_head_dim})"
    elif attention.head_dim == attention.v_head_dim:
        elements = f"2 x {attention.n_kv_heads} x {attention.head_dim}"
    else:
        widths = f"({attention.head_dim} + {attention.v_head_dim})"
        elements = f"{attention.n_kv_heads} x {widths}"
    if run.window is not None:
        tokens = f"min({tokens}, {run.window})"
    stored = layer_bytes_per_token(attention, settings.kv_format)
    return (
        f"{elements} x {units.count(run.n_layers, 'layer')} x "
        f"{stored / kv_elements_per_token(attention):g} B x {tokens} tokens"
    )
