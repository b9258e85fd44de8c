"""Numbers about how one layer's query heads share what is cached."""

from __future__ import annotations

from dashboard.report.metric import Metric
from gqa_core import units
from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.theory.memory import kv_elements_per_token, reduction_vs_mha


def sharing_metrics(attention: AttentionConfig) -> list[Metric]:
    """Query heads, groups, heads of a group and the saving; MLA has no groups."""
    own = kv_elements_per_token(attention)
    mha = kv_elements_per_token(attention.mha_baseline)
    return [
        Metric("Query heads", str(attention.n_heads), "N of the lecture"),
        *_groups(attention),
        Metric(
            "Smaller than MHA",
            units.times(reduction_vs_mha(attention)),
            f"{mha:,} / {own:,} elements per layer",
            attention.variant,
        ),
    ]


def _groups(attention: AttentionConfig) -> list[Metric]:
    if isinstance(attention, GroupedConfig):
        return [
            Metric("Groups", str(attention.n_kv_heads), "K/V heads, G of the lecture"),
            Metric("Heads in each group", str(attention.q_per_kv), "read one K and one V"),
        ]
    return [
        Metric("Latent", str(attention.kv_lora_rank), "elements per token, cached"),
        Metric("RoPE key", str(attention.qk_rope_head_dim), "elements per token, cached"),
    ]
