"""The layer of a config: one place that knows which class serves which variant and form."""

from __future__ import annotations

from typing import Any

import torch

from gqa_core.configs import AttentionConfig, LatentConfig
from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.latent import LATENT_FORMS, LatentAttention
from gqa_core.engine.layer import AttentionLayer

__all__ = ["build_layer"]


def build_layer(
    config: AttentionConfig, kernel: str, *, dtype: torch.dtype, device: torch.device | str
) -> AttentionLayer[Any, Any]:
    """A layer with random weights; `kernel` is a kernel's name, or for MLA "absorbed" or "naive".

    Raises:
        ValueError: the rotated width is odd, or MLA has no form of that name.
    """
    if not isinstance(config, LatentConfig):
        return GroupedAttention(config, kernel=kernel, dtype=dtype, device=device)
    if kernel not in LATENT_FORMS:
        raise ValueError(f"kernel of MLA must be one of {', '.join(LATENT_FORMS)}: got {kernel!r}")
    layer_type: type[LatentAttention[Any, Any]] = LATENT_FORMS[kernel]
    return layer_type(config, dtype=dtype, device=device)
