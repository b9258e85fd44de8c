"""A small language model of bytes, built from the engine's own attention layers.

b batch, t tokens, dim model width.

Each block adds attention and then a gated feed-forward layer to the residual stream; both normalise
their input first. The output projection is the embedding matrix. With caches, a forward pass is
prefill or decode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.layer import NORM_EPS
from gqa_core.records.specs.training import N_TOKENS, TrainingConfig

__all__ = ["FeedForward", "LanguageModel", "generate"]

INIT_STD = 0.02


class FeedForward(nn.Module):
    """down(silu(gate(x)) * up(x)) of the normalised x (b, t, dim), without the residual."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim, eps=NORM_EPS)
        self.gate = nn.Linear(dim, hidden_dim, bias=False)
        self.up = nn.Linear(dim, hidden_dim, bias=False)
        self.down = nn.Linear(hidden_dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The term (b, t, dim) that is added to x."""
        x = self.norm(x)
        return self.down(silu(self.gate(x)) * self.up(x))


class LanguageModel(nn.Module):
    """Predicts the next byte; every layer has `n_kv_heads` K/V heads.

    `config` is the attention of each layer.

    Raises:
        ValueError: n_kv_heads does not divide the training configuration's n_heads.
    """

    def __init__(
        self, training_config: TrainingConfig, n_kv_heads: int, *, kernel: str = "sdpa"
    ) -> None:
        super().__init__()
        self.training_config = training_config
        self.config = training_config.attention(n_kv_heads)
        self.kernel = kernel
        dim, hidden_dim = training_config.dim, training_config.hidden_dim
        layers = range(training_config.n_layers)
        self.embedding = nn.Embedding(N_TOKENS, dim)
        self.attention = nn.ModuleList(GroupedAttention(self.config, kernel=kernel) for _ in layers)
        self.feed_forward = nn.ModuleList(FeedForward(dim, hidden_dim) for _ in layers)
        self.norm = nn.RMSNorm(dim, eps=NORM_EPS)
        for weights in self.parameters():
            if weights.ndim > 1:
                nn.init.normal_(weights, std=INIT_STD)

    @property
    def attention_layers(self) -> list[GroupedAttention]:
        """The attention layers, first to last."""
        return [cast(GroupedAttention, layer) for layer in self.attention]

    @property
    def n_params(self) -> int:
        """The number of all parameters."""
        return sum(weights.numel() for weights in self.parameters())

    def new_caches(self, batch_size: int, capacity: int) -> list[KVCache]:
        """One empty cache per layer, with `capacity` slots per sequence."""
        return [layer.new_cache(batch_size, capacity) for layer in self.attention_layers]

    def forward(self, tokens: Tensor, caches: Sequence[KVCache] | None = None) -> Tensor:
        """Logits (b, t, 256) of the byte after each of `tokens` (b, t).

        Raises:
            ValueError: a cache has too few free slots.
        """
        x = self.embedding(tokens)
        for index, (attention, feed_forward) in enumerate(
            zip(self.attention, self.feed_forward, strict=True)
        ):
            x = x + attention(x, caches[index] if caches else None)
            x = x + feed_forward(x)
        return self.norm(x) @ self.embedding.weight.T


@torch.inference_mode()
def generate(model: LanguageModel, prompt: bytes, n_tokens: int) -> bytes:
    """The `n_tokens` bytes of greedy decoding after a prompt, with a KV cache.

    Raises:
        ValueError: the prompt is empty.
    """
    if not prompt:
        raise ValueError("prompt must have at least one byte: got none")
    caches = model.new_caches(1, len(prompt) + n_tokens)
    tokens, generated = torch.tensor([list(prompt)]), bytearray()
    for _ in range(n_tokens):
        next_token = model(tokens, caches)[:, -1].argmax(dim=-1)
        generated.append(int(next_token))
        tokens = next_token[:, None]
    return bytes(generated)
