"""The question of the page that recommends K/V heads, from its settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

from dashboard.data.borrowed_weights import TYPE_WEIGHTS, Weights, has_own_geometry
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import Preset
from gqa_core.advice import AdviceRequest
from gqa_core.configs import ModelConfig
from gqa_core.theory.engines import EngineName

__all__ = ["Choice", "Gpus", "choice"]

STATES_ALONE = "This model keeps states alone. It has no K/V heads to recommend a number of."
BYTES_PER_PARAM = {"fp32": 4}  # 2 in any other format: those of fewer bits take less


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
    weights: Weights,
    weight_format: str,
    n_users: int,
    max_ms: float | None,
    mla_ranks: tuple[int, ...] = (),
) -> Choice:
    """The choice of these settings; without a request if something that it rests on is unknown."""
    if settings.keeps_states_alone:
        return Choice(n_kv_heads=settings.n_kv_heads, gpus=gpus, request=None, missing=STATES_ALONE)
    own_kv_heads = _own_kv_heads(settings, preset)
    try:
        request = AdviceRequest(
            model=advised_model(settings, own_kv_heads),
            weight_bytes=weights.n_bytes,
            weights_kv_heads=own_kv_heads,
            weight_bytes_per_param=BYTES_PER_PARAM.get(weight_format, 2),
            params=preset.params if preset and has_own_geometry(settings, preset) else None,
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
        missing = f"No answer: {error}." if weights.n_bytes is not None else _missing(weights)
        return Choice(n_kv_heads=settings.n_kv_heads, gpus=gpus, request=None, missing=missing)
    return Choice(
        n_kv_heads=settings.n_kv_heads,
        gpus=gpus,
        request=request,
        note=weights.note,
        model_name=preset.name if preset else "",
    )


def _missing(weights: Weights) -> str:
    """A sentence on the weights that are missing, and where to type them."""
    why = weights.refusal or (
        "The size of the weights is not known, so nothing can be said about what fits."
    )
    return f"{why} {TYPE_WEIGHTS}"


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
