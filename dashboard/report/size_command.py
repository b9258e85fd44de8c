"""The command line that prints the size of the model behind a page's sliders."""

from __future__ import annotations

import shlex

from dashboard.settings.model import ModelSettings
from gqa_core.configs import AttentionConfig, GroupedConfig

__all__ = ["size_command"]

GROUPED = ("n_heads", "n_kv_heads", "head_dim")
LATENT = ("n_heads", "kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")


def size_command(settings: ModelSettings) -> str | None:
    """The line for the model's own variant; None if options cannot state it: its layers differ."""
    model = settings.models[settings.own_variant]
    attention = model.attention
    keeps_more = model.indexers or model.states or model.cross_attention
    if attention is None or not model.is_uniform or keeps_more or model.has_window_layers:
        return None
    if next(iter(model)).caches_per_layer > 1 or not _can_state(attention):
        return None
    numbers = {
        "n_layers": model.n_layers,
        **{name: getattr(attention, name) for name in _names(attention)},
        "context_len": settings.context_len,
        "batch_size": settings.batch_size,
        "kv_format": settings.kv_format,
    }
    flags = [f"--{name.replace('_', '-')} {value}" for name, value in numbers.items()]
    return shlex.join(["python", "-m", "gqa_core", "size", *" ".join(flags).split()])


def _names(attention: AttentionConfig) -> tuple[str, ...]:
    return GROUPED if isinstance(attention, GroupedConfig) else LATENT


def _can_state(attention: AttentionConfig) -> bool:
    """True if options can state these widths: one for K and V, and a RoPE key."""
    if isinstance(attention, GroupedConfig):
        return attention.v_head_dim == attention.head_dim
    return attention.qk_rope_head_dim > 0
