"""The question of the page that recommends K/V heads, from its settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import Preset, weights_gb
from gqa_core import units
from gqa_core.advice import AdviceRequest
from gqa_core.configs import ModelConfig
from gqa_core.theory.engines import EngineName

__all__ = ["Choice", "Gpus", "choice"]

BYTES_PER_PARAM = {"fp32": 4}  # 2 in any other format: those of fewer bits take less
GEOMETRY = ("n_heads", "head_dim", "n_layers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus:
    """The GPUs of a choice, as the widgets describe them; `bandwidth` is None if not published."""

    name: str
    source: str | None
    memory_bytes: int
    bandwidth_bytes_per_s: float | None
    tp: int
    utilisation: Fraction
    overhead_bytes: int
    engine: EngineName


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The sliders' K/V heads, the GPUs, and the request; without one, `missing` says why.

    `model_name` is that of the model that set the sliders, empty without one. `note` says whose
    weights these are if the sliders have left their model.
    """

    n_kv_heads: int
    gpus: Gpus
    request: AdviceRequest | None
    missing: str = ""
    note: str = ""
    model_name: str = ""


def choice(
    settings: ModelSettings,
    preset: Preset | None,
    gpus: Gpus,
    *,
    weight_bytes: int | None,
    weight_format: str,
    n_users: int,
    max_ms: float | None,
    mla_ranks: tuple[int, ...] = (),
) -> Choice:
    """The choice of these settings; without a request if something that it rests on is unknown."""
    own_kv_heads = _own_kv_heads(settings, preset)
    note = ""
    if preset and weight_bytes == _preset_bytes(preset, weight_format):
        note = _borrowed_note(settings, preset)
        if note and _is_larger(settings, preset):
            missing = f"{note} This one is larger, so they are too small for it. {TYPE_WEIGHTS}"
            return Choice(n_kv_heads=settings.n_kv_heads, gpus=gpus, request=None, missing=missing)
    try:
        request = AdviceRequest(
            model=advised_model(settings, own_kv_heads),
            weight_bytes=weight_bytes,
            weights_kv_heads=own_kv_heads,
            weight_bytes_per_param=BYTES_PER_PARAM.get(weight_format, 2),
            params=preset.params if preset and _has_own_geometry(settings, preset) else None,
            device=gpus.name,
            memory_bytes=gpus.memory_bytes,
            bandwidth_bytes_per_s=gpus.bandwidth_bytes_per_s,
            kv_format=settings.kv_format,
            context_len=settings.context_len,
            tp=gpus.tp,
            n_users=n_users,
            max_step_s=None if max_ms is None else max_ms / 1000,
            utilisation=gpus.utilisation,
            overhead_bytes=gpus.overhead_bytes,
            engine=gpus.engine,
            mla_ranks=mla_ranks,
        )
    except ValueError as error:
        missing = WEIGHTS_MISSING if weight_bytes is None else f"No answer: {error}."
        return Choice(n_kv_heads=settings.n_kv_heads, gpus=gpus, request=None, missing=missing)
    return Choice(
        n_kv_heads=settings.n_kv_heads,
        gpus=gpus,
        request=request,
        note=note,
        model_name=preset.name if preset else "",
    )


TYPE_WEIGHTS = "Type **Weights in total (GB)** under **More settings**."
WEIGHTS_MISSING = (
    "The size of the weights is not known, so nothing can be said about what fits. " + TYPE_WEIGHTS
)


def _preset_bytes(preset: Preset, weight_format: str) -> int | None:
    """The weights of a model in this format, as the widget holds them; None if not known."""
    gigabytes = weights_gb(preset, weight_format)
    return None if gigabytes is None else round(gigabytes * units.GB)


def _borrowed_note(settings: ModelSettings, preset: Preset) -> str:
    """A sentence on whose weights these are; empty if the sliders have that model's geometry."""
    is_known = all(key in preset.settings for key in GEOMETRY)
    if preset.model is None or not is_known or _has_own_geometry(settings, preset):
        return ""
    heads, head_dim, layers = (preset.settings[key] for key in GEOMETRY)
    return (
        f"The weights are those of {preset.name}, with {heads} query heads of {head_dim} and "
        f"{layers} layers."
    )


def _is_larger(settings: ModelSettings, preset: Preset) -> bool:
    """True if the sliders have wider layers or more of them than the model."""
    heads, head_dim, layers = (int(preset.settings[key] or 0) for key in GEOMETRY)
    return settings.n_heads * settings.head_dim > heads * head_dim or settings.n_layers > layers


def advised_model(settings: ModelSettings, own_kv_heads: int | None) -> ModelConfig:
    """The model of the settings with its own K/V heads, wherever their slider is."""
    if own_kv_heads is not None:
        n_kv_heads = gcd(settings.n_heads, own_kv_heads)
        settings = replace(settings, n_kv_heads=n_kv_heads)
    return settings.models[settings.own_variant]


def _own_kv_heads(settings: ModelSettings, preset: Preset | None) -> int | None:
    """The K/V heads that the weights belong to: the model's; None for MLA or without a model."""
    own = preset.settings.get("n_kv_heads") if preset else None
    return own if isinstance(own, int) and settings.own_kind != "MLA" else None


def _has_own_geometry(settings: ModelSettings, preset: Preset) -> bool:
    """True if the sliders are those of the model, whatever its K/V heads."""
    return all(
        getattr(settings, key) == preset.settings[key] for key in GEOMETRY if key in preset.settings
    )
