"""The options of a command line that state a model of equal layers."""

from __future__ import annotations

from collections.abc import Mapping

from gqa_core.configs import AttentionConfig, GroupedConfig, LatentConfig, ModelConfig

__all__ = ["model_flags"]

GROUPED = ("n_heads", "n_kv_heads", "head_dim")
LATENT = ("n_heads", "kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")


def model_flags(model: ModelConfig) -> Mapping[str, int] | None:
    """The value of each option by its field; None if they would state another model.

    That is so if layers differ, have a window or several caches, or keep more than a cache, and if
    a width of theirs has no option.
    """
    attention = model.attention
    if attention is None or (
        isinstance(attention, LatentConfig) and not attention.qk_rope_head_dim
    ):
        return None
    names = GROUPED if isinstance(attention, GroupedConfig) else LATENT
    widths: dict[str, int] = {name: getattr(attention, name) for name in names}
    if ModelConfig.uniform(_stated(attention, widths), model.n_layers) != model:
        return None
    return {"n_layers": model.n_layers, **widths}


def _stated(attention: AttentionConfig, widths: Mapping[str, int]) -> AttentionConfig:
    """The layer that a command line makes of these widths."""
    return (GroupedConfig if isinstance(attention, GroupedConfig) else LatentConfig)(**widths)
