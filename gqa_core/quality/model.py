"""A small language model of bytes, made of the engine's own attention.

b batch, t tokens, dim model width.

Each block adds attention, then a gated feed-forward, to what goes through; both normalise first.
The embedding also reads the result out. With caches a forward pass is prefill or decode.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from gqa_core.catalog.corpus import N_TOKENS
from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.layer import NORM_EPS
from gqa_core.records.specs.training import TrainingConfig

INIT_STD = 0.02


class FeedForward(nn.Module):
    """down(silu(gate(x)) * up(x)) of the normalised x (b, t, dim); no residual."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim, eps=NORM_EPS)
        self.gate = nn.Linear(dim, hidden_dim, bias=False)
        self.up = nn.Linear(dim, hidden_dim, bias=False)
        self.down = nn.Linear(hidden_dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """What the layer adds to x."""
        x = self.norm(x)
        return self.down(silu(self.gate(x)) * self.up(x))


class LanguageModel(nn.Module):
    """Logits of the next byte; `n_kv_heads` heads of K and V in every layer.

    Raises:
        ValueError: n_kv_heads does not divide the training_config's n_heads.
    """

    def __init__(
        self, training_config: TrainingConfig, n_kv_heads: int, *, kernel: str = "sdpa"
    ) -> None:
        super().__init__()
        config = training_config.attention(n_kv_heads)
        self.training_config = training_config
        self.embedding = nn.Embedding(N_TOKENS, training_config.dim)
        self.attention = nn.ModuleList(
            GroupedAttention(config, kernel=kernel) for _ in range(training_config.n_layers)
        )
        self.feed_forward = nn.ModuleList(
            FeedForward(training_config.dim, training_config.hidden_dim)
            for _ in range(training_config.n_layers)
        )
        self.norm = nn.RMSNorm(training_config.dim, eps=NORM_EPS)
        for weights in self.parameters():
            if weights.ndim > 1:
                nn.init.normal_(weights, std=INIT_STD)

    @property
    def n_params(self) -> int:
        """Parameters in all."""
        return sum(weights.numel() for weights in self.parameters())

    def new_caches(self, batch_size: int, capacity: int) -> list[KVCache]:
        """An empty cache for each layer."""
        return [layer.new_cache(batch_size, capacity) for layer in self.attention]

    def forward(self, tokens: Tensor, caches: Sequence[KVCache] | None = None) -> Tensor:
        """Logits (b, t, 256) of what follows each of `tokens` (b, t).

        Raises:
            ValueError: a cache has too few free slots.
        """
        x = self.embedding(tokens)
        for index, (attend, feed) in enumerate(zip(self.attention, self.feed_forward, strict=True)):
            x = x + attend(x, caches[index] if caches else None)
            x = x + feed(x)
        return self.norm(x) @ self.embedding.weight.T


@torch.inference_mode()
def generate(model: LanguageModel, prompt: bytes, n_tokens: int) -> bytes:
    """The likeliest bytes to follow a prompt, one at a time against the cache.

    Raises:
        ValueError: the prompt is empty.
    """
    if not prompt:
        raise ValueError("prompt must have at least one byte: got none")
    caches = model.new_caches(1, len(prompt) + n_tokens)
    tokens, found = torch.tensor([list(prompt)]), bytearray()
    for _ in range(n_tokens):
        following = model(tokens, caches)[:, -1].argmax(dim=-1)
        found.append(int(following))
        tokens = following[:, None]
    return bytes(found)
