"""Weights of a model whose sliders have left it: those of a smaller model answer nothing.

The K/V heads slider is no move of this kind: the pages compare K/V heads at the same weights, or
add the difference themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import WEIGHT_FORMATS, Preset, weights_gb
from gqa_core import units

__all__ = ["TYPE_WEIGHTS", "Weights", "has_own_geometry", "slider_weights"]

TYPE_WEIGHTS = "Type **Weights in total (GB)** under **More settings**."
GEOMETRY = ("n_heads", "head_dim", "n_layers")


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights in bytes, None if no number may be shown that depends on them.

    `note` says whose they are if they are borrowed, `refusal` also why they are too small.
    """

    n_bytes: int | None
    note: str = ""
    refusal: str = ""


def slider_weights(settings: ModelSettings, preset: Preset | None, n_bytes: int | None) -> Weights:
    """The weights in the widget as those of the sliders; a number that was typed is their own."""
    if preset is None or n_bytes not in _preset_bytes(preset) or has_own_geometry(settings, preset):
        return Weights(n_bytes)
    note = _note(preset)
    if larger := _larger(settings, preset):
        text = " and ".join(larger)
        return Weights(None, refusal=f"{note} This one has {text}, so they are too small for it.")
    return Weights(n_bytes, note=note)


def has_own_geometry(settings: ModelSettings, preset: Preset) -> bool:
    """True if the sliders are those of the model, whatever its K/V heads."""
    return all(
        getattr(settings, key) == preset.settings[key] for key in GEOMETRY if key in preset.settings
    )


def _preset_bytes(preset: Preset) -> set[int]:
    """The weights of a model in every format, as the widget holds them."""
    formats = {*WEIGHT_FORMATS, str(preset.settings.get("weight_format"))}
    gigabytes = [weights_gb(preset, each) for each in formats]
    return {round(each * units.GB) for each in gigabytes if each is not None}


def _note(preset: Preset) -> str:
    layers = f"{preset.settings['n_layers']} layers"
    if "n_heads" not in preset.settings:  # states alone
        return f"The weights are those of {preset.name}, with {layers}."
    heads, head_dim = preset.settings["n_heads"], preset.settings["head_dim"]
    return (
        f"The weights are those of {preset.name}, with {heads} query heads of {head_dim} and "
        f"{layers}."
    )


def _larger(settings: ModelSettings, preset: Preset) -> list[str]:
    """Sizes of the sliders above those of the model, each with both numbers; empty if none.

    Q and O projections are as wide as all query heads, those of K and V as all K/V heads.
    """
    sizes = [("layers", settings.n_layers, int(preset.settings["n_layers"] or 0))]
    if "n_heads" in preset.settings:
        sizes += _widths(settings, preset)
    return [f"{new:,} {name}, not {own:,}" for name, new, own in sizes if new > own]


def _widths(settings: ModelSettings, preset: Preset) -> list[tuple[str, int, int]]:
    """Widths of the projections of a layer, each with the model's own.

    The model's own K/V heads count, as many as divide the query heads, wherever their slider is; a
    latent is as wide as its head width asks for.
    """
    heads, head_dim = (int(preset.settings[key] or 0) for key in ("n_heads", "head_dim"))
    query = ("query channels", settings.n_heads * settings.head_dim, heads * head_dim)
    if preset.settings.get("variant") == "MLA":
        return [query, ("channels in a head", settings.head_dim, head_dim)]
    own = int(preset.settings["n_kv_heads"] or 0)
    n_kv_heads = gcd(settings.n_heads, own)
    return [query, ("K/V channels", n_kv_heads * settings.head_dim, own * head_dim)]
