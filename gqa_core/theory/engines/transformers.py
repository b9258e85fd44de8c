"""transformers with its dynamic cache: expanded MLA, and Falcon-40B's heads repeated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig
from gqa_core.theory.engines.base import Engine, MlaForm, Rule
from gqa_core.theory.parallelism import Parallelism

__all__ = ["TRANSFORMERS"]

REPOSITORY = "huggingface/transformers"
BF16_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformers(Engine):
    """Exactly the tokens that were seen, of each sequence of a batch padded to the longest."""

    def validate(self, model: ModelConfig, parallelism: Parallelism) -> None:
        """Raise ValueError for a split that transformers does not have."""
        if parallelism.dcp > 1:
            raise ValueError(
                f"transformers has no decode context parallelism: got dcp {parallelism.dcp}"
            )

    def cached_model(self, model: ModelConfig, mla: MlaForm) -> ModelConfig:
        """The model with Falcon's K/V heads repeated for all query heads."""
        cached = Engine.cached_model(self, model, mla)
        if model.family != "falcon":
            return cached
        return replace(cached, layer_groups=tuple(map(_with_all_heads, cached)))

    def indexer_key_bytes(self, head_dim: int, kv_format: str) -> int:
        """Bytes of one indexer key, which is kept in bf16."""
        return head_dim * BF16_BYTES


def _with_all_heads(group: LayerGroup) -> LayerGroup:
    """A K/V head per query head where Falcon's new architecture shares them; MQA stays as it is."""
    attention = group.attention
    if isinstance(attention, GroupedConfig) and attention.variant == "GQA":
        return replace(group, attention=attention.mha_baseline)
    return group


TRANSFORMERS = Transformers(
    name="transformers",
    default_mla="expanded",
    rules=(
        Rule(
            text="window layers keep the window's tokens during a step, one fewer between steps",
            source=f"{REPOSITORY}, src/transformers/cache_utils.py (DynamicSlidingWindowLayer)",
            version="5",
        ),
        Rule(
            text="MLA is cached expanded: a K and a V of every head",
            source=f"{REPOSITORY}, src/transformers/models/deepseek_v3/modeling_deepseek_v3.py",
            version="5",
        ),
        Rule(
            text="Falcon-40B's K and V are repeated for all query heads before they are cached",
            source=f"{REPOSITORY}, src/transformers/models/falcon/modeling_falcon.py",
            version="5",
        ),
        Rule(
            text="indexer keys are kept in bf16",
            source=f"{REPOSITORY}, src/transformers/models/deepseek_v32/modeling_deepseek_v32.py",
            version="5",
        ),
    ),
)
