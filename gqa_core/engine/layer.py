"""What every attention layer does with a token: project, append, attend, output.

b batch, t new tokens, dim model width; the other letters are those of the layer at hand.

With a cache, the new tokens' keys and values are written behind the old ones and all are attended
over: a prefill brings many tokens, a decode step one. Without a cache the tokens attend over
themselves, causally, and gradients flow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gqa_core.configs import AttentionConfig, validate_rotary
from gqa_core.engine.cache import KVCache, LatentCache

Cache = KVCache | LatentCache
Query = Tensor | tuple[Tensor, Tensor]  # absorbed MLA has it in two parts
Lap = Callable[[str], None]

PHASES = ("project", "append", "attend", "output")
NORM_EPS = 1e-6


def no_lap(phase: str) -> None:
    """Take no time: what a step calls after each phase when nobody measures it."""


class AttentionLayer(nn.Module, ABC):
    """Norm, projections, RoPE, attention and output projection; no residual.

    Raises:
        ValueError: the rotated width is odd.
    """

    def __init__(self, config: AttentionConfig, dtype: torch.dtype, device: torch.device | str):
        super().__init__()
        validate_rotary(config)
        self.config = config
        self.like = {"dtype": dtype, "device": device}
        self.norm = nn.RMSNorm(config.dim, eps=NORM_EPS, **self.like)
        width = config.n_heads * config.v_head_dim
        self.wo = nn.Linear(width, config.dim, bias=False, **self.like)

    @abstractmethod
    def new_cache(self, batch_size: int, capacity: int, kernel: str | None = None) -> Cache:
        """An empty cache of `capacity` slots, laid out for `kernel` or else the layer's own."""

    @abstractmethod
    def project(self, x: Tensor, start: int) -> tuple[Query, tuple[Tensor, Tensor]]:
        """The query of x (b, t, dim) at positions from `start`, and what a cache appends of it."""

    @abstractmethod
    def keys_values(self, entry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """K and V of tokens that no cache holds, from what `project` gave for them."""

    @abstractmethod
    def attend(self, q: Query, over: Cache | tuple[Tensor, Tensor]) -> Tensor:
        """Each query's weighted sum of values, over a cache, or K and V that no cache holds."""

    def output(self, o: Tensor) -> Tensor:
        """o (b, h, t, v) back in model width, (b, t, dim)."""
        return self.wo(o.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor, cache: Cache | None = None, lap: Lap = no_lap) -> Tensor:
        """What the layer adds to x (b, t, dim); `lap` is called with the name of each phase done.

        Raises:
            ValueError: the cache has too few free slots.
        """
        q, entry = self.project(x, 0 if cache is None else cache.length)
        lap("project")
        if cache is None:
            over = self.keys_values(entry)
        else:
            cache.append(*entry)
            over = cache
        lap("append")
        o = self.attend(q, over)
        lap("attend")
        y = self.output(o)
        lap("output")
        return y


def decode_step(
    layers: Sequence[AttentionLayer], caches: Sequence[Cache], x: Tensor, lap: Lap = no_lap
) -> Tensor:
    """x (b, t, dim) after all layers, each adding its output; t is 1 when decoding."""
    for layer, cache in zip(layers, caches, strict=True):
        x = x + layer(x, cache, lap)
    return x
