"""SGLang: pages of tokens, and a pool for window layers that is 0.8 times that of full layers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig
from gqa_core.theory.engines.base import Engine, EngineOptions, MlaForm, Rule
from gqa_core.theory.parallelism import Parallelism
from gqa_core.theory.parts import engine_indexer_key_bytes

__all__ = ["SGLANG"]

REPOSITORY = "sgl-project/sglang"
WINDOW_PARTS, FULL_PARTS = 4, 5  # swa_full_tokens_ratio 0.8
POOL_FAMILIES = frozenset(  # model_type; layers of other families keep the whole context
    {
        "gemma4",
        "gemma4_unified",
        "gpt_oss",
        "granite_swa",
        "granitemoe_swa",
        "laguna",
        "llama4",
        "mellum",
        "mimo_v2",
        "mimo_v2_flash",
        "muse_glimmer",
        "step3p5",
        "step3p7",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sglang(Engine):
    """Pools of pages for all sequences together."""

    def validate(self, model: ModelConfig, parallelism: Parallelism) -> None:
        """Raise ValueError for a decode context split of other layers than MLA."""
        grouped = any(isinstance(group.attention, GroupedConfig) for group in model)
        if parallelism.dcp > 1 and grouped:
            raise ValueError(
                f"SGLang splits the context of MLA layers alone over dcp: got dcp "
                f"{parallelism.dcp} for layers with K/V heads"
            )

    def cached_model(self, model: ModelConfig, mla: MlaForm) -> ModelConfig:
        """The model without windows if its family has no pool for them."""
        cached = Engine.cached_model(self, model, mla)
        if model.family in POOL_FAMILIES:
            return cached
        groups = tuple(replace(group, window=None) for group in cached)
        return replace(cached, layer_groups=groups)

    def slots(self, group: LayerGroup, context_len: int, options: EngineOptions) -> int:
        """Tokens in whole pages; of window layers the window, and at least their pool's share."""
        tokens = self.page_tokens(context_len, options)
        if group.window is None:
            return tokens
        share = -(-tokens * WINDOW_PARTS // FULL_PARTS)
        window = self.page_tokens(group.cached_tokens(context_len), options)
        return min(tokens, max(window, self.page_tokens(share, options)))

    def indexer_key_bytes(self, head_dim: int, kv_format: str) -> int:
        """Bytes of one indexer key: fp8 and its scales, whatever the format of the cache."""
        return engine_indexer_key_bytes(head_dim)


SGLANG = Sglang(
    name="sglang",
    option_names=("block_size",),
    rules=(
        Rule(
            text="tokens per sequence are rounded up to pages of 1 token, 64 for some MLA kernels",
            source=f"{REPOSITORY}, python/sglang/srt/server_args.py (page_size)",
            version="0.5",
        ),
        Rule(
            text="window layers have a pool of 0.8 times the tokens of full layers in some "
            "families, and the whole context in all others",
            source=f"{REPOSITORY}, python/sglang/srt/server_args.py (swa_full_tokens_ratio), "
            "python/sglang/srt/configs/model_config.py (is_hybrid_swa_model)",
            version="0.5.19",
        ),
        Rule(
            text="indexer keys are kept in fp8 with an fp32 scale for every 128 elements",
            source=f"{REPOSITORY}, pull request 11309",
            version="0.5",
        ),
        Rule(
            text="dcp is for MLA layers alone",
            source="SGLang documentation, Decode Context Parallelism",
            version="2026",
        ),
    ),
)
