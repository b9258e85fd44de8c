"""Sentences about caches by formula: their parts, formulas with numbers filled in, answers."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from dashboard.data.cache_growth import Crossing
from dashboard.data.cached_parts import describe_heads
from dashboard.report.metric import Metric
from dashboard.report.part_terms import besides_terms
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
    """The parts that `tp` GPUs store more than once, and the effect of more GPUs."""
    copies = n_replicas(attention, tp)
    if not isinstance(attention, GroupedConfig):
        return (
            f"MLA's latent has no heads to distribute: each of {tp} GPUs keeps all of it, so more "
            "GPUs do not make the cache per GPU smaller."
        )
    n_kv_heads = units.count(attention.n_kv_heads, "K/V head")
    if copies == 1:
        each = units.count(attention.n_kv_heads // tp, "K/V head")
        return f"Each of {tp} GPUs keeps {each} of {attention.n_kv_heads}: nothing is stored twice."
    return (
        f"{tp} GPUs share {n_kv_heads}: each is stored {copies} times, so beyond "
        f"{attention.n_kv_heads} GPUs the cache per GPU does not get smaller."
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


def _all_heads(n_heads: int) -> str:
    return units.count(n_heads, "query head") if n_heads == 1 else f"all {n_heads} query heads"


def sharing_sentence(attention: AttentionConfig) -> str:
    """The K/V heads that query heads share, in the project's words and the lecture's."""
    if isinstance(attention, LatentConfig):
        return (
            f"A {describe_latent(attention)} are cached for {_all_heads(attention.n_heads)}. "
            "Every head computes its own K and V from the latent, and its K includes the RoPE key "
            "as it is: heads share what is cached, not what they attend to."
        )
    n, per = attention.n_kv_heads, attention.q_per_kv
    groups = f"{units.count(n, 'K/V head')} (G = {units.count(n, 'group')})"
    if per == 1:
        return f"{groups}, one query each: no head shares its K and V."
    return (
        f"{groups}, {per} queries each. Heads that share K and V still have their own queries, "
        "so they still attend to different tokens."
    )


def heads_answer(attention: AttentionConfig) -> str:
    """The one-line answer of the page on head groups."""
    times = units.times(reduction_vs_mha(attention))
    n_heads = attention.n_heads
    if isinstance(attention, LatentConfig):
        mla, mha = kv_elements_per_token(attention), kv_elements_per_token(attention.mha_baseline)
        return (
            f"N = {units.count(n_heads, 'head')} "
            f"{'has its own K and V' if n_heads == 1 else 'have their own K and V each'}, "
            f"computed from {mla:,} cached elements per token and layer: "
            f"{mha:,} / {mla:,} = {times} fewer than MHA keeps."
        )
    n, per = attention.n_kv_heads, attention.q_per_kv
    return (
        f"N = {units.count(n_heads, 'head')} in G = {units.count(n, 'group')} are "
        f"{units.count(per, 'head')} in each group, and the cache is "
        f"N / n_kv_heads = {n_heads} / {n} = {times} smaller than MHA's."
        if per > 1
        else f"N = {units.count(n_heads, 'head')} in G = {units.count(n, 'group')} "
        f"{'is' if n_heads == 1 else 'are'} 1 head in each group: this is MHA, "
        f"and N / n_kv_heads = {n_heads} / {n} = {times} saves nothing."
    )


def states_sentence(settings: ModelSettings) -> str:
    """The answer for a model without heads to share, on every page about sharing."""
    n_bytes = settings.cache_bytes(settings.own_variant, settings.context_len)
    users = f" for {settings.batch_size:,} users" if settings.batch_size > 1 else ""
    return (
        f"This model keeps {units.decimal(n_bytes)} of states{users} and has no K/V heads to "
        "share. Only states are kept, so more tokens take no more memory."
    )


def states_metrics(settings: ModelSettings) -> list[Metric]:
    """The bytes of all states; they are no variant's."""
    n_bytes = settings.cache_bytes(settings.own_variant, settings.context_len)
    note = f"{units.capacity(n_bytes)}, whatever the tokens"
    return [Metric("States", units.decimal(n_bytes), note)]


def cache_metrics(settings: ModelSettings) -> list[Metric]:
    """The cache of each variant in one decimal unit, or the states of a model without heads."""
    if settings.keeps_states_alone:
        return states_metrics(settings)
    sizes = [settings.cache_bytes(name, settings.context_len) for name in settings.models]
    return [
        Metric(f"{name} cache", size, size_caption(settings, name), name)
        for name, size in zip(settings.models, units.decimal_in_one_unit(sizes), strict=True)
    ]


def size_caption(settings: ModelSettings, variant: str) -> str:
    """A cache in binary units, and how it compares: "32.00 MiB, 4x smaller than MHA"."""
    caption = units.capacity(settings.cache_bytes(variant, settings.context_len))
    if variant == "MHA":
        caption += ", the baseline"
    else:
        caption += f", {units.times(settings.reduction_vs_mha(variant))} smaller than MHA"
    if settings.has_window_layers:
        allocated = units.capacity(settings.allocated_bytes(variant, settings.context_len))
        caption += f"; {allocated} as allocated"
    return caption


def formula_filled_in(settings: ModelSettings, variant: str) -> str:
    """The formula with the sliders' numbers filled in, and its result."""
    model = settings.models[variant]
    terms = [_group_filled_in(settings, group) for group in model]
    terms += besides_terms(model, settings.kv_format, settings.context_len)
    one_sequence = terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"
    n_bytes = settings.cache_bytes(variant, settings.context_len)
    return (
        f"{one_sequence} x {settings.batch_size} = "
        f"{units.exact_bytes(n_bytes)} = {units.decimal_and_binary(n_bytes)}"
    )


def lecture_sentence(settings: ModelSettings) -> str:
    """The context at which MHA with these settings takes the lecture's 400 GB.

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
    """The answer of the page on the size of the cache."""
    if settings.keeps_states_alone:
        return states_sentence(settings)
    sentences = [_sizes_sentence(settings)]
    if settings.has_window_layers:
        sentences.append("Layers with a window stop growing there, if the engine lets them.")
    return " ".join(sentences)


def full_device_sentence(meetings: Sequence[Crossing], context_len: int) -> str:
    """The contexts that fill the device whose crossings are nearest; empty without crossings."""
    if not meetings:
        return ""
    nearest = min(meetings, key=lambda each: abs(log2(each.context_len / context_len)))
    same_size = [each for each in meetings if each.memory_bytes == nearest.memory_bytes]
    places = ", ".join(f"{each.name} at {each.context_len:,}" for each in same_size)
    device = f"{nearest.devices[0]} ({units.gigabytes_label(nearest.memory_bytes)})"
    return f"Rings: the cache alone fills one {device}, {places} tokens."


def _sizes_sentence(settings: ModelSettings) -> str:
    """The cache of each variant, and how many times smaller than MHA's it is."""
    sizes = [settings.cache_bytes(name, settings.context_len) for name in settings.models]
    texts = dict(zip(settings.models, units.decimal_in_one_unit(sizes), strict=True))
    ratios = [
        f"{name} {text} ({units.times(settings.reduction_vs_mha(name))} smaller)"
        for name, text in texts.items()
        if name != "MHA"
    ]
    users = f" for {settings.batch_size:,} users" if settings.batch_size > 1 else ""
    return (
        f"At {settings.context_len:,} tokens{users} MHA keeps {texts['MHA']}; {', '.join(ratios)}."
    )


def _group_filled_in(settings: ModelSettings, group: LayerGroup) -> str:
    """Bytes of one sequence in a group of layers: "2 x 8 x 64 x 12 layers x 2 B x 8192 tokens"."""
    attention, tokens = group.attention, str(settings.context_len)
    if isinstance(attention, LatentConfig):
        elements = f"({attention.kv_lora_rank} + {attention.qk_rope_head_dim})"
    elif attention.head_dim == attention.v_head_dim:
        elements = f"2 x {attention.n_kv_heads} x {attention.head_dim}"
    else:
        widths = f"({attention.head_dim} + {attention.v_head_dim})"
        elements = f"{attention.n_kv_heads} x {widths}"
    if group.window is not None:
        tokens = f"min({tokens}, {group.window})"
    stored = layer_bytes_per_token(attention, settings.kv_format)
    return (
        f"{elements} x {_count_caches(group)} x "
        f"{stored / kv_elements_per_token(attention):g} B x {tokens} tokens"
    )


def _count_caches(group: LayerGroup) -> str:
    layers = units.count(group.n_layers, "layer")
    several = group.caches_per_layer
    return layers if several == 1 else f"{layers} x {several} caches"
