"""Named settings a page offers: the lecture's examples, and every model of the catalogue.

A preset states only the numbers that are its own; the other sliders stay, but no weights of another
model do. Pages that measure take the heads alone, since a model's layers and the lecture's context
fit few machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from dashboard.settings.layouts import own_variant, slider_settings
from dashboard.settings.model import AttentionSettings, ModelSettings
from gqa_core import units
from gqa_core.catalog.models import Model, model, models
from gqa_core.configs import LatentConfig, ModelConfig
from gqa_core.theory.kv_heads import main_attention
from gqa_core.theory.weights import BLOCK_BYTES, weight_bytes

HEADS = ("n_heads", "n_kv_heads", "head_dim")
WEIGHTS = ("weights_gb", "weight_format")


WEIGHT_FORMATS = tuple(BLOCK_BYTES)
WIDE_FORMATS = ("fp32", "bf16", "fp16")  # in which embeddings are stored as all else is
GROUP_SIZE = 128  # of int4, as GPTQ and AWQ checkpoints have it
DEEPSEEK_EXAMPLE = "DeepSeek at 100,000 tokens"
PUBLISHED_FORMAT = "bf16"  # of weights whose format nobody states
Setting = float | str | None


@dataclass(frozen=True, slots=True)
class Preset:
    """A name, slider settings by key, and the model if it is a published or imported one.

    A setting of None leaves its widget empty. `params`, and those of its embeddings and head, are
    None if their number is not known.
    """

    name: str
    settings: Mapping[str, Setting]
    model: ModelConfig | None = None
    params: int | None = None
    embedding_params: int | None = None

    def fits(self, settings: AttentionSettings) -> bool:
        """True if the settings equal those of this preset."""
        return all(getattr(settings, key, value) == value for key, value in self.settings.items())


def weights_gb(preset: Preset, weight_format: str) -> float | None:
    """Decimal GB of a preset's weights in a format, None if they are not known.

    Embeddings and the head take 16 bits at least, and int4 has groups of 128 with scales.
    """
    own = preset.settings.get("weights_gb")
    if weight_format == preset.settings.get("weight_format") and isinstance(own, float):
        return own
    if preset.params is None or weight_format not in BLOCK_BYTES:
        return None
    if preset.embedding_params is None and weight_format not in WIDE_FORMATS:
        return None
    group_size = GROUP_SIZE if weight_format == "int4" else None
    n_bytes = weight_bytes(
        preset.params,
        weight_format,
        params_16_bit=preset.embedding_params or 0,
        group_size=group_size,
    )
    return _gigabytes(n_bytes)


def preset_of_model(
    name: str,
    config: ModelConfig,
    params: int | None,
    own_weight_bytes: int | None = None,
    weight_format: str | None = None,
    embedding_params: int | None = None,
) -> Preset:
    """The preset of a model: its sliders, its own variant, and its weights, empty if not known.

    Parameters without a size of their own are counted in 16 bits.
    """
    if own_weight_bytes is None and params is not None and weight_format is None:
        own_weight_bytes = weight_bytes(params, PUBLISHED_FORMAT)
    settings: dict[str, Setting] = {
        **slider_settings(config),
        "weights_gb": None if own_weight_bytes is None else _gigabytes(own_weight_bytes),
        "weight_format": weight_format or PUBLISHED_FORMAT,
    }
    if variant := own_variant(config):
        settings["variant"] = variant
    return Preset(name, MappingProxyType(settings), config, params, embedding_params)


def _gigabytes(n_bytes: int) -> float:
    return round(n_bytes / units.GB, 2)


def _preset(name: str, **settings: Setting) -> Preset:
    """An example; one of heads alone has no weights, and leaves none of another model."""
    no_weights: dict[str, Setting] = {"weights_gb": None, "weight_format": PUBLISHED_FORMAT}
    return Preset(name, MappingProxyType(no_weights | settings))


def _lecture_heads(name: str, n_heads: int) -> Preset:
    """Query heads that share 8 K/V heads, with the width and the layers of Llama 3 8B."""
    return _preset(name, n_heads=n_heads, n_kv_heads=8, head_dim=128, n_layers=32, variant="GQA")


def _published(known: Model) -> Preset:
    return preset_of_model(
        known.name, known.config, known.params, embedding_params=known.embedding_params
    )


def _deepseek() -> Preset:
    """DeepSeek's heads at the context where the lecture's 400 GB and 3 GB hold."""
    known = model("DeepSeek-V3")
    attention = main_attention(known.config)
    assert isinstance(attention, LatentConfig)
    published = _published(known)
    example = _preset(
        DEEPSEEK_EXAMPLE,
        n_heads=attention.n_heads,
        n_kv_heads=8,
        head_dim=attention.v_head_dim,
        n_layers=known.config.n_layers,
        kv_format="bf16",
        context_len=100_000,
        batch_size=1,
        variant="MLA",
        **{key: published.settings[key] for key in WEIGHTS},
    )
    return replace(example, params=known.params, embedding_params=known.embedding_params)


PRESETS = (
    _lecture_heads("32 heads in 8", 32),
    _lecture_heads("128 heads in 8 (16x)", 128),
    _published(model("Llama 3 8B")),
    _published(model("Llama 3 70B")),
    _deepseek(),
)
_SETTINGS: dict[str, Any] = {
    field.name: PRESETS[-1].settings[field.name]
    for field in fields(ModelSettings)
    if field.name in PRESETS[-1].settings
}
DEEPSEEK = ModelSettings(**_SETTINGS)

_NAMED = {preset.name for preset in PRESETS}
CATALOGUE = tuple(_published(known) for known in models() if known.name not in _NAMED)


def offered(measuring: bool, imported: Iterable[Preset] = ()) -> Mapping[str, Preset]:
    """The presets of a page by name, the lecture's first, each with what it sets there.

    One that is named after its context is not offered where a preset may not set it.
    """
    known = (*PRESETS, *CATALOGUE, *imported)
    if not measuring:
        return {preset.name: preset for preset in known}
    return {
        preset.name: Preset(
            preset.name,
            {key: preset.settings[key] for key in (*HEADS, *WEIGHTS) if key in preset.settings},
        )
        for preset in known
        if "context_len" not in preset.settings
    }
