"""The base of all attention layers and their four phases: project, append, attend, output.

b batch, t new tokens, s cached tokens, h query heads, k K/V heads, d head_dim, v v_head_dim,
dim model width.

With a cache, the keys and values of the new tokens are written behind the old ones, and the new
tokens attend to all of them: a prefill brings many tokens, a decode step one. Without a cache the
tokens attend to themselves, causally, and gradients flow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypedDict, TypeVar

import torch
from torch import Tensor, nn

from gqa_core.configs import AttentionConfig, QuantisedFormat, validate_rotary
from gqa_core.engine.kernels.plan import KernelPlan, plan_kernels
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.latent_cache import LatentCache
from gqa_core.engine.rope import DEFAULT_THETA

__all__ = [
    "NORM_EPS",
    "PHASES",
    "AttentionLayer",
    "Cache",
    "FactoryKwargs",
    "LayerCache",
    "PhaseHook",
    "Query",
    "decode_step",
    "no_phase_hook",
]

Cache = KVCache | LatentCache
Query = TypeVar("Query")  # a tensor, or for absorbed MLA its parts (q_latent, q_rope)
LayerCache = TypeVar("LayerCache", KVCache, LatentCache)
PhaseHook = Callable[[str], None]

PHASES = ("project", "append", "attend", "output")
NORM_EPS = 1e-6


class FactoryKwargs(TypedDict):
    """The keyword arguments of a tensor's constructor."""

    dtype: torch.dtype
    device: torch.device | str


def no_phase_hook(phase: str) -> None:
    """Do nothing: the hook of a step that is not measured."""


class AttentionLayer(nn.Module, ABC, Generic[Query, LayerCache]):
    """Norm, projections, RoPE, attention and output projection; no residual.

    Raises:
        ValueError: the rotated width is odd.
    """

    def __init__(
        self,
        config: AttentionConfig,
        *,
        kernel: str = "auto",
        norm_eps: float = NORM_EPS,
        rope_theta: float = DEFAULT_THETA,
        **factory_kwargs: Any,
    ) -> None:
        super().__init__()
        validate_rotary(config)
        self.kernel = kernel
        self.rope_theta = rope_theta
        self.norm = nn.RMSNorm(config.dim, eps=norm_eps, **factory_kwargs)
        width = config.n_heads * config.v_head_dim
        self.wo = nn.Linear(width, config.dim, bias=False, **factory_kwargs)

    @property
    def factory_kwargs(self) -> FactoryKwargs:
        """The dtype and device of the weights, which new caches share."""
        weight = self.wo.weight
        return {"dtype": weight.dtype, "device": weight.device}

    @property
    @abstractmethod
    def cached_config(self) -> AttentionConfig:
        """The config of what a cache of this layer holds."""

    @abstractmethod
    def new_cache(
        self,
        batch_size: int,
        capacity: int,
        kernel: str | None = None,
        kv_format: QuantisedFormat | None = None,
    ) -> LayerCache:
        """An empty cache of `capacity` slots, for the layer's own kernel unless `kernel` is given.

        It has the dtype and the device of the layer's weights; with a `kv_format` it stores what is
        appended quantised.

        Raises:
            ValueError: as the cache.
        """

    @abstractmethod
    def project(self, x: Tensor, start: int) -> tuple[Query, tuple[Tensor, Tensor]]:
        """The query of x (b, t, dim) at positions from `start` on, and what a cache appends."""

    @abstractmethod
    def keys_values(self, new_kv: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """K and V of tokens that are not cached, from what `project` returned for them."""

    @abstractmethod
    def attend(self, q: Query, kv: LayerCache | tuple[Tensor, Tensor]) -> Tensor:
        """Each query's weighted sum of values, over a cache or over K and V themselves."""

    def plan(self, capacity: int, kv_format: QuantisedFormat | None = None) -> KernelPlan:
        """The kernel plan of a cache of `capacity` slots for this layer."""
        return plan_kernels(
            self.cached_config,
            capacity=capacity,
            kernel=self.kernel,
            kv_format=kv_format,
            **self.factory_kwargs,
        )

    def output(self, o: Tensor) -> Tensor:
        """o (b, h, t, v) in model width, (b, t, dim)."""
        return self.wo(o.transpose(1, 2).flatten(2))

    def forward(
        self, x: Tensor, cache: LayerCache | None = None, on_phase_end: PhaseHook = no_phase_hook
    ) -> Tensor:
        """The layer's contribution (b, t, dim) to x (b, t, dim).

        `on_phase_end` is called with the name of each phase when it ends.

        Raises:
            ValueError: the cache has too few free slots, or another batch size, dtype or device.
        """
        q, new_kv = self.project(x, 0 if cache is None else cache.length)
        on_phase_end("project")
        kv: LayerCache | tuple[Tensor, Tensor]
        if cache is None:
            kv = self.keys_values(new_kv)
        else:
            cache.append(*new_kv)
            kv = cache
        on_phase_end("append")
        o = self.attend(q, kv)
        on_phase_end("attend")
        y = self.output(o)
        on_phase_end("output")
        return y


def decode_step(
    layers: Sequence[AttentionLayer[Any, Any]],
    caches: Sequence[Cache],
    x: Tensor,
    on_phase_end: PhaseHook = no_phase_hook,
) -> Tensor:
    """x (b, t, dim) after all layers, each adding its output; t is 1 when decoding."""
    for layer, cache in zip(layers, caches, strict=True):
        x = x + layer(x, cache, on_phase_end)
    return x
