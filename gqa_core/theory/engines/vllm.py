"""vLLM: blocks of 16 tokens, windows with a step's tokens, and shared pages where layers differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gqa_core.configs import GroupedConfig, LatentConfig, LayerGroup, ModelConfig
from gqa_core.theory.engines.base import Engine, EngineOptions, MlaForm, Rule
from gqa_core.theory.memory import layer_bytes_per_token
from gqa_core.theory.parallelism import Parallelism
from gqa_core.theory.parts import engine_indexer_key_bytes
from gqa_core.theory.vllm_pages import VllmPages

__all__ = ["VLLM"]

REPOSITORY = "vllm-project/vllm"
CHUNKED_FAMILIES = ("llama4",)  # their windows are chunks, for which groups of pages are off


@dataclass(frozen=True, slots=True, kw_only=True)
class Vllm(Engine):
    """Blocks of pages that all sequences share."""

    def validate(self, model: ModelConfig, parallelism: Parallelism) -> None:
        """Raise ValueError for a dcp beyond the copies of K/V heads, or beside windows."""
        if parallelism.dcp == 1:
            return
        for group in model:
            attention = group.attention
            n_kv_heads = attention.n_kv_heads if isinstance(attention, GroupedConfig) else 1
            if parallelism.dcp * n_kv_heads > parallelism.tp:
                raise ValueError(
                    "dcp must be at most tp / n_kv_heads in vLLM: got "
                    f"{parallelism.dcp}, tp {parallelism.tp} and {n_kv_heads} K/V heads"
                )
            if group.window is not None:
                raise ValueError(
                    f"vLLM has no dcp for layers with a window: got dcp {parallelism.dcp}"
                )

    def cached_model(self, model: ModelConfig, mla: MlaForm) -> ModelConfig:
        """The model with values of expanded MLA as wide as keys, and chunks in full."""
        expand = mla == "expanded"
        in_full = model.family in CHUNKED_FAMILIES
        groups = tuple(
            replace(
                group,
                attention=_padded(group.attention) if expand else group.attention,
                window=None if in_full else group.window,
            )
            for group in model
        )
        return replace(model, layer_groups=groups)

    def part_bytes(
        self, model: ModelConfig, kv_format: str, context_len: int, options: EngineOptions
    ) -> Iterator[int]:
        """Allocated bytes per sequence of each part, in pages of one size where layers differ."""
        pages = _pages(self, model, kv_format, options)
        for index, n_bytes in enumerate(
            Engine.part_bytes(self, model, kv_format, context_len, options)
        ):
            group_bytes = _paged_bytes(model, index, pages, context_len, kv_format)
            yield n_bytes if group_bytes is None else group_bytes

    def padding_bytes(
        self, model: ModelConfig, kv_format: str, context_len: int, options: EngineOptions
    ) -> int:
        """Bytes of the pages of layers that fill up short groups."""
        pages = _pages(self, model, kv_format, options)
        return pages.padding_request_bytes(context_len) if pages else 0

    def slots(self, group: LayerGroup, context_len: int, options: EngineOptions) -> int:
        """The whole context in blocks; layers that differ have shared pages instead."""
        return self.page_tokens(context_len, options)

    def indexer_key_bytes(self, head_dim: int, kv_format: str) -> int:
        """Bytes of one indexer key: fp8 and its scales, whatever the format of the cache."""
        return engine_indexer_key_bytes(head_dim)


def _padded(attention: GroupedConfig | LatentConfig) -> GroupedConfig:
    """Expanded MLA whose values are padded to the width of the keys."""
    if isinstance(attention, GroupedConfig):
        return attention
    return replace(attention.expanded, v_head_dim=attention.qk_head_dim)


def _pages(
    engine: Engine, model: ModelConfig, kv_format: str, options: EngineOptions
) -> VllmPages | None:
    """The shared pages of a model whose layers differ; None if each has pages of its own."""
    if not model.layer_groups or not (model.states or model.has_window_layers):
        return None
    sizes = {layer_bytes_per_token(group.attention, kv_format) for group in model}
    if not model.states and any(n_bytes % min(sizes) for n_bytes in sizes):
        return None  # no page fits all: vLLM keeps the whole context in every layer
    return VllmPages(
        model=replace(model, indexers=(), cross_attention=()),
        kv_format=kv_format,
        block_tokens=options.block_size or engine.default_block_size,
        batched_tokens=options.max_num_batched_tokens,
    )


def _paged_bytes(
    model: ModelConfig, index: int, pages: VllmPages | None, context_len: int, kv_format: str
) -> int | None:
    """Bytes of the part of this index of `memory_parts` if it lies in shared pages, else None."""
    if pages is None:
        return None
    n_groups, n_indexers = len(model.layer_groups), len(model.indexers)
    if index < n_groups:
        group = model.layer_groups[index]
        layer_bytes = layer_bytes_per_token(group.attention, kv_format)
        return group.n_caches * pages.layer_request_bytes(layer_bytes, group.window, context_len)
    state_index = index - n_groups - n_indexers
    if 0 <= state_index < len(model.states):
        return model.states[state_index].n_layers * pages.state_request_bytes
    return None


VLLM = Vllm(
    name="vllm",
    option_names=("block_size", "max_num_batched_tokens"),
    default_block_size=16,
    rules=(
        Rule(
            text="tokens per sequence are rounded up to blocks of 16, or as set",
            source=f"{REPOSITORY}, vllm/v1/kv_cache_interface.py (FullAttentionSpec)",
            version="001cabc",
        ),
        Rule(
            text="window layers keep window - 1 + max_num_batched_tokens tokens and one block "
            "more, and no more than the context",
            source=f"{REPOSITORY}, vllm/v1/kv_cache_interface.py (SlidingWindowSpec)",
            version="001cabc",
        ),
        Rule(
            text="layers that attend in chunks keep the whole context",
            source=f"{REPOSITORY}, vllm/config/vllm.py "
            "(VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE off)",
            version="0.11",
        ),
        Rule(
            text="where layers differ, all have pages of one size, and short groups of layers are "
            "padded",
            source=f"{REPOSITORY}, vllm/v1/core/kv_cache_utils.py",
            version="0.16",
        ),
        Rule(
            text="a state takes one page per sequence and one more for prefix caching",
            source=f"{REPOSITORY}, vllm/v1/kv_cache_interface.py (MambaSpec)",
            version="001cabc",
        ),
        Rule(
            text="expanded MLA pads values to the width of keys",
            source=f"{REPOSITORY}, vllm/model_executor/models/deepseek_v2.py (DeepseekV2Attention)",
            version="0.11",
        ),
        Rule(
            text="indexer keys are kept in fp8 with an fp32 scale for every 128 elements",
            source=f"{REPOSITORY}, vllm/model_executor/models/deepseek_v2.py "
            "(DeepseekV32IndexerCache)",
            version="0.11",
        ),
        Rule(
            text="dcp is at most tp / n_kv_heads, and not for window layers",
            source=f"{REPOSITORY}, docs/serving/context_parallel_deployment.md",
            version="020505c",
        ),
    ),
)
