"""Ways in which an engine may have laid out a model's cache on one GPU, each with its assumptions.

The first is the formula as it stands. The others change one thing or several: the format of the
cache, how heads and tokens are split over GPUs, which layers are in the pool, and the engine's own
rule for windows and states. A log is explained by those that need the fewest assumptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from gqa_core import units
from gqa_core.configs import LatentConfig, LayerGroup, ModelConfig, Workload
from gqa_core.engine_logs.log import PoolKind
from gqa_core.engine_logs.serving import Serving, Split, serving_splits
from gqa_core.theory.memory import can_store, kv_bytes_per_token
from gqa_core.theory.parts import indexer_bytes_per_token, state_bytes, total_bytes
from gqa_core.theory.sharding import shard_model
from gqa_core.theory.vllm_pages import BATCHED_TOKENS, BLOCK_TOKENS, VllmPages

__all__ = ["Hypothesis", "hypotheses"]

BATCHES = (1024, 2048, 4096, 16_384)  # other usual values of max_num_batched_tokens
OTHER_FORMATS = ("bf16", "fp8", "fp8_ds_mla")
MAX_DRAFTED = 5


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One GPU's part of a model under some assumptions, none for the formula as it stands.

    With `pages`, the engine is vLLM and its pages are shared by layers that differ. Their tokens
    are then slots for `groups` of layers, or with `request_len` those of requests of this length.
    """

    rank: ModelConfig
    kv_format: str
    assumptions: tuple[str, ...] = ()
    dcp: int = 1
    pages: VllmPages | None = None
    request_len: int | None = None
    only_indexer: bool = False

    @cached_property
    def slot_bytes(self) -> float:
        """Bytes per token that the engine reports, on one GPU."""
        if self.pages is None:
            kv_bytes = 0 if self.only_indexer else kv_bytes_per_token(self.rank, self.kv_format)
            return (kv_bytes + indexer_bytes_per_token(self.rank, self.kv_format)) / self.dcp
        if self.request_len is None:
            return self.pages.slot_bytes / self.dcp
        return self.request_bytes(self.request_len) / self.request_len

    @cached_property
    def block_bytes(self) -> float:
        """Bytes that are left over because a whole block would not fit, at most."""
        if self.pages is None:
            return BLOCK_TOKENS * self.slot_bytes
        return self.pages.block_bytes * (1 if self.request_len else self.pages.n_groups)

    def request_bytes(self, context_len: int) -> float:
        """Bytes that a sequence of this length takes on one GPU."""
        if self.pages is not None:
            return self.pages.request_bytes(context_len) / self.dcp
        if self.dcp > 1:
            return self.slot_bytes * context_len + state_bytes(self.rank)
        return float(total_bytes(self.rank, Workload(context_len=context_len), self.kv_format))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variant:
    """Layers that a pool may have; of these, `n_next` are next-token layers."""

    model: ModelConfig
    assumption: str | None = None
    n_next: int = 0
    only_indexer: bool = False


def hypotheses(model: ModelConfig, serving: Serving, kind: PoolKind) -> Iterator[Hypothesis]:
    """The ways to lay out the layers of this kind, those with the fewest assumptions first."""
    listed: list[Hypothesis] = []
    for split, (kv_format, format_note), variant in product(
        serving_splits(model, serving),
        _formats(model, serving),
        _layer_variants(_layers_in_pool(model, kind), kind),
    ):
        notes = tuple(filter(None, (format_note, split.assumption, variant.assumption)))
        if rank := _rank(variant.model, split, kv_format):
            plain = Hypothesis(
                rank=rank,
                kv_format=kv_format,
                assumptions=notes,
                dcp=split.dcp,
                only_indexer=variant.only_indexer,
            )
            listed += _rules(plain, serving, kind, variant.n_next)
    yield from sorted(listed, key=lambda each: len(each.assumptions))


def _rank(variant: ModelConfig, split: Split, kv_format: str) -> ModelConfig | None:
    """The largest part of the model on one GPU; None if there is none in this format."""
    try:
        rank = shard_model(variant, split.heads)
    except ValueError:
        return None
    if split.pp > 1:
        groups = tuple(replace(g, n_layers=-(-g.n_layers // split.pp)) for g in rank.layer_groups)
        states = tuple(replace(s, n_layers=-(-s.n_layers // split.pp)) for s in rank.states)
        rank = replace(rank, layer_groups=groups, states=states)
    return rank if can_store(rank, kv_format) else None


def _formats(model: ModelConfig, serving: Serving) -> list[tuple[str, str | None]]:
    """Formats of the cache: the known one, or 16 bit and those an engine may choose instead."""
    known = serving.kv_format
    names: Iterable[str] = OTHER_FORMATS if known is None else ()
    if known == "fp8":
        names = ("fp8_ds_mla",)  # what engines make of fp8 for MLA with a sparse indexer
    first = known or serving.default_kv_format
    alternatives = [(name, f"cache in {name}") for name in names if name != first]
    return [(first, None), *alternatives] if model.layer_groups else [(first, None)]


def _layers_in_pool(model: ModelConfig, kind: PoolKind) -> ModelConfig:
    """The layers that a pool of this kind has; the whole model if it has no such layers."""
    if kind == "states" or kind not in ("full layers", "window layers"):
        return model
    is_window = kind == "window layers"
    groups = tuple(g for g in model.layer_groups if (g.window is not None) == is_window)
    return replace(model, layer_groups=groups, states=(), indexers=()) if groups else model


def _layer_variants(model: ModelConfig, kind: PoolKind) -> Iterator[_Variant]:
    """The model as it is, and with layers added, left out or expanded."""
    is_whole = kind != "other layers"
    if is_whole:
        yield _Variant(model=model)
    if model.indexers:
        yield _Variant(model=model, assumption="the indexer's keys alone", only_indexer=True)
    if model.indexers and is_whole:
        yield _Variant(model=replace(model, indexers=()), assumption="without the indexer's keys")
    if full := [group for group in model.layer_groups if group.window is None]:
        next_token = replace(full[-1], n_layers=1)
        if is_whole:
            added = replace(model, layer_groups=(*model.layer_groups, next_token))
            yield _Variant(model=added, assumption="with a next-token layer", n_next=1)
        else:
            yield _Variant(
                model=ModelConfig(layer_groups=(next_token,)),
                assumption="the next-token layer alone",
            )
    if is_whole and any(group.attention.variant == "MLA" for group in model):
        yield _Variant(
            model=replace(model, layer_groups=tuple(map(_expanded, model)), indexers=()),
            assumption="MLA expanded to K and V of every head",
        )


def _expanded(group: LayerGroup) -> LayerGroup:
    if not isinstance(group.attention, LatentConfig):
        return group
    return replace(group, attention=group.attention.expanded)


def _rules(
    plain: Hypothesis, serving: Serving, kind: PoolKind, n_next: int
) -> Iterator[Hypothesis]:
    """The engine's rules for these layers."""
    rank = plain.rank
    is_pooled = kind == "all layers" and serving.engine == "vLLM"
    if not is_pooled or not (rank.has_window_layers or rank.states):
        yield plain
        return
    yield _without_rules(plain)
    for pages, page_notes in _pages(plain, serving, n_next):
        notes = (*plain.assumptions, *page_notes)
        yield replace(plain, pages=pages, assumptions=(*notes, _groups_note(pages)))
        if serving.max_model_len:
            length = f"tokens are concurrency x {serving.max_model_len:,}"
            yield replace(
                plain,
                pages=pages,
                request_len=serving.max_model_len,
                assumptions=(*notes, f"{_groups_note(pages)}; {length}"),
            )


def _without_rules(plain: Hypothesis) -> Hypothesis:
    """Every layer with the whole context, and no room for states."""
    rank = plain.rank
    note = "states take no room" if rank.states else "every window layer has the whole context"
    groups = tuple(replace(group, window=None) for group in rank.layer_groups)
    return replace(
        plain,
        rank=replace(rank, layer_groups=groups, states=() if groups else rank.states),
        assumptions=(*plain.assumptions, note),
    )


def _pages(
    plain: Hypothesis, serving: Serving, n_next: int
) -> Iterator[tuple[VllmPages, tuple[str, ...]]]:
    """vLLM's pages, with the usual options first."""
    rank = plain.rank
    if n_next:  # the pages add these layers themselves
        rank = replace(rank, layer_groups=rank.layer_groups[:-1])
    batches = [serving.batched_tokens] if serving.batched_tokens else [BATCHED_TOKENS, *BATCHES]
    drafted = range(MAX_DRAFTED + 1) if n_next and rank.states else (0,)
    for batch, n_drafted, has_caching, factor in product(
        batches if rank.has_window_layers else batches[:1],
        drafted,
        (True, False) if rank.states else (True,),
        (1.5, 1.25),
    ):
        try:
            pages = VllmPages(
                model=rank,
                kv_format=plain.kv_format,
                batched_tokens=batch,
                next_token_layers=n_next,
                n_drafted=n_drafted,
                has_prefix_caching=has_caching,
                padding_factor=factor,
            )
        except ValueError:
            return
        if factor != 1.5 and not _padding_depends_on_version(pages):
            continue
        yield pages, tuple(_page_notes(pages, batches))


def _padding_depends_on_version(pages: VllmPages) -> bool:
    return pages.group_layers != replace(pages, padding_factor=1.5).group_layers


def _page_notes(pages: VllmPages, batches: list[int]) -> Iterator[str]:
    if pages.batched_tokens != batches[0]:
        yield f"max_num_batched_tokens {pages.batched_tokens:,}"
    if pages.n_drafted:
        yield f"{units.count(pages.n_drafted, 'drafted token')}"
    if not pages.has_prefix_caching:
        yield "no prefix caching"


def _groups_note(pages: VllmPages) -> str:
    note = f"vLLM's pages: {units.count(pages.n_groups, 'group')} of {pages.group_layers} layers"
    if pages.n_padding_layers:
        note += f", {pages.n_padding_layers} of them padding"
    return note
