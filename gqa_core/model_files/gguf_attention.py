"""The attention of each layer of a GGUF model, from its numbers of heads and their widths.

llama.cpp keeps MLA's latent and rotary key as one K/V head whose key is `kv_lora_rank` plus the
rotary width; files from before that conversion cache every head's expanded key and value.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import (
    MAX_DIM,
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_RANK,
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
)
from gqa_core.hf_config.kinds import FULL, LayerKind
from gqa_core.model_files.metadata import Metadata

__all__ = ["LayerHeads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerHeads:
    """Heads per layer, 0 for a layer without, and their widths in full and in window layers."""

    n_heads: list[int]
    n_kv_heads: list[int]
    widths: tuple[int, int]  # of a key and of a value
    window_widths: tuple[int, int]
    latent: LatentConfig | None

    @classmethod
    def read(cls, metadata: Metadata, n_layers: int, n_blocks: int) -> LayerHeads:
        """The heads of all layers.

        Raises:
            ValueError: a number is missing or out of bounds.
        """
        n_heads = metadata.per_layer("attention.head_count", n_layers, n_blocks, most=MAX_HEADS)
        n_kv_heads = metadata.per_layer(
            "attention.head_count_kv", n_layers, n_blocks, most=MAX_HEADS
        )
        if n_heads is None and n_kv_heads is None and metadata.value("wkv.head_size") is None:
            raise ValueError(f"{metadata.key('attention.head_count')} must be given: got no key")
        n_heads = n_heads or [0] * n_layers
        if n_kv_heads is None:
            n_kv_heads = n_heads
            if any(n_heads):
                metadata.assume("n_kv_heads = n_heads, since no key gives K/V heads")
        most_heads = max(n_heads, default=0)
        if not most_heads:
            return cls(
                n_heads=n_heads,
                n_kv_heads=[0] * n_layers,
                widths=(0, 0),
                window_widths=(0, 0),
                latent=None,
            )
        rank = metadata.integer("attention.kv_lora_rank", most=MAX_RANK)
        most_width = MAX_RANK + MAX_HEAD_DIM if rank else MAX_HEAD_DIM
        widths = _widths(metadata, most_heads, most_width)
        window_widths = tuple(
            metadata.integer(f"attention.{name}_length_swa", most=MAX_HEAD_DIM) or width
            for name, width in zip(("key", "value"), widths, strict=True)
        )
        return cls(
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            widths=widths,
            window_widths=(window_widths[0], window_widths[1]),
            latent=_latent(metadata, most_heads, rank, widths[0]) if rank else None,
        )

    def attention(self, i: int, kind: LayerKind) -> AttentionConfig:
        """The attention of layer i, which is of this kind.

        Raises:
            ValueError: its K/V heads do not divide its heads.
        """
        if self.latent is not None:
            return self.latent
        key_width, value_width = self.widths if kind == FULL else self.window_widths
        return GroupedConfig(
            n_heads=self.n_heads[i] or self.n_kv_heads[i],
            n_kv_heads=self.n_kv_heads[i],
            head_dim=key_width,
            v_head_dim=value_width,
        )


def _widths(metadata: Metadata, n_heads: int, most: int) -> tuple[int, int]:
    """The widths of a key and of a value: embedding_length / heads where no key gives them."""
    key_width = metadata.integer("attention.key_length", most=most)
    value_width = metadata.integer("attention.value_length", most=most)
    if not (key_width and value_width):
        hidden_size = metadata.required_integer("embedding_length", most=MAX_DIM)
        if hidden_size % n_heads:
            raise ValueError(
                f"{metadata.key('attention.key_length')} must be given if embedding_length is not "
                f"a multiple of the heads: got {hidden_size} and {n_heads}"
            )
        default = hidden_size // n_heads
        metadata.assume(f"head_dim = embedding_length / heads = {hidden_size} / {n_heads}")
        return key_width or default, value_width or default
    return key_width, value_width


def _latent(metadata: Metadata, n_heads: int, rank: int, key_width: int) -> LatentConfig | None:
    """MLA as llama.cpp keeps it, None if the file is from before its conversion."""
    key_mla = metadata.integer("attention.key_length_mla", most=MAX_HEAD_DIM)
    value_mla = metadata.integer("attention.value_length_mla", most=MAX_HEAD_DIM)
    if not (key_mla and value_mla):
        metadata.assume(
            "every head's key and value are cached, as llama.cpp does without key_length_mla; "
            f"the latent of {rank} would be the lower end"
        )
        return None
    rope = key_width - rank
    if not 0 < rope < key_mla:
        raise ValueError(
            f"{metadata.key('attention.key_length')} must be kv_lora_rank and the rotary width "
            f"together: got {key_width} and {rank}"
        )
    return LatentConfig(
        n_heads=n_heads,
        kv_lora_rank=rank,
        qk_rope_head_dim=rope,
        qk_nope_head_dim=key_mla - rope,
        v_head_dim=value_mla,
    )
