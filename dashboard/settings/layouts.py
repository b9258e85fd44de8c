"""The layers of a real model, and the same layers with other heads: what each row of a page caches.

Sliders say one geometry; a model may have windows, layers that cache no tokens, and a second
geometry. A row that is the model's own variant is the model to the byte while no slider is moved.
The other rows are its layers, windows and all, with the K/V heads of that row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import gcd

from gqa_core.configs import (
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    default_mla_for,
)
from gqa_core.records.specs.training import divisors

USUAL_KV_HEADS = 8  # what GQA is shown with beside a latent, which has no K/V heads


def main_attention(model: ModelConfig) -> AttentionConfig:
    """The layer that stands for a model where one is shown: one that shares heads, of most layers.

    Layers of plain MHA and MQA come after GQA and MLA, whatever their number.
    """

    def weight(run: LayerGroup) -> tuple[bool, int]:
        return run.attention.variant in ("GQA", "MLA"), run.n_layers

    return max(model, key=weight).attention


def slider_kv_heads(n_heads: int) -> int:
    """Where the K/V slider stands when nothing else says so: 8, or the middle divisor."""
    counts = sorted(divisors(n_heads))
    return USUAL_KV_HEADS if USUAL_KV_HEADS in counts else counts[len(counts) // 2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A model's caching layers in `model`; `n_layers` counts those that cache nothing too."""

    model: ModelConfig
    n_layers: int

    @property
    def main(self) -> AttentionConfig:
        """The layer that the sliders show."""
        return main_attention(self.model)

    @property
    def settings(self) -> dict[str, int]:
        """Where the sliders stand, by their keys; a latent's head width is that of its MHA."""
        n_heads = self.main.n_heads
        return {
            "n_heads": n_heads,
            "n_kv_heads": getattr(self.main, "n_kv_heads", None) or slider_kv_heads(n_heads),
            "head_dim": self.main.mha_baseline.head_dim,
            "n_layers": self.n_layers,
        }

    @property
    def has_windows(self) -> bool:
        """Whether some layer sees less than the whole context."""
        return any(run.window is not None for run in self.model)

    def models(
        self, n_heads: int, n_kv_heads: int, head_dim: int, n_layers: int
    ) -> Mapping[str, ModelConfig]:
        """The rows of a page, by variant, with the sliders at these numbers.

        Heads of another number or width take the place of every layer's own. With another number
        of layers all of them cache the whole context, since no rule says which would not.

        Raises:
            ValueError: a number out of bounds, or n_kv_heads does not divide n_heads.
        """
        settings, runs = self.settings, self.model.layer_groups
        if n_layers != self.n_layers:
            runs = (LayerGroup(attention=self.main, n_layers=n_layers),)
        if (n_heads, head_dim) != (settings["n_heads"], settings["head_dim"]):
            runs = _each(runs, lambda layer: _resized(layer, n_heads, head_dim))
        rows = {
            name: ModelConfig(
                layer_groups=_each(runs, partial(_turned, name=name, n_kv_heads=n_kv_heads))
            )
            for name in _names(n_heads, n_kv_heads)
        }
        if runs is self.model.layer_groups and n_kv_heads == settings["n_kv_heads"]:
            rows[self.main.variant] = self.model
        return rows


def _names(n_heads: int, n_kv_heads: int) -> list[str]:
    """The variants there are with these heads; equal ones once."""
    counts = {"MHA": n_heads, "GQA": n_kv_heads, "MQA": 1}
    layers = {
        name: GroupedConfig(n_heads=n_heads, n_kv_heads=count, head_dim=1)
        for name, count in counts.items()
    }
    return [*(name for name, layer in layers.items() if layer.variant == name), "MLA"]


def _each(
    runs: tuple[LayerGroup, ...], change: Callable[[AttentionConfig], AttentionConfig]
) -> tuple[LayerGroup, ...]:
    return tuple(replace(run, attention=change(run.attention)) for run in runs)


def _resized(attention: AttentionConfig, n_heads: int, head_dim: int) -> AttentionConfig:
    """The sliders' heads; a latent does not depend on their number, and stays."""
    if isinstance(attention, LatentConfig) and head_dim == attention.mha_baseline.head_dim:
        return replace(attention, n_heads=n_heads, dim=None)
    return GroupedConfig(n_heads=n_heads, n_kv_heads=n_heads, head_dim=head_dim)


def _turned(attention: AttentionConfig, name: str, n_kv_heads: int) -> AttentionConfig:
    """This layer as that variant; with other heads than the sliders', of a number that divides."""
    mha = attention.mha_baseline
    if name == "MLA":
        latent = isinstance(attention, LatentConfig)
        return attention if latent else default_mla_for(mha.n_heads, mha.head_dim)
    counts = {"MHA": mha.n_heads, "GQA": gcd(mha.n_heads, n_kv_heads), "MQA": 1}
    return replace(mha, n_kv_heads=counts[name])
