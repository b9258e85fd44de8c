"""A model whose weights are to be known: of a file, of the catalogue, or of options."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gqa_core import units
from gqa_core.commands.model_options import LayerOptions, read_model
from gqa_core.configs import ModelConfig

__all__ = ["WeighedModel", "weighed_model"]


@dataclass(frozen=True, kw_only=True)
class WeighedModel:
    """A model, its weights, the K/V heads that they belong to, and its parameters, if known."""

    model: ModelConfig
    kv_format: str
    weight_bytes: int | None = None
    weights_kv_heads: int | None = None
    params: int | None = None
    max_context_len: int | None = None
    is_published: bool = False

    def notes(self, context_len: int) -> tuple[str, ...]:
        """Sentences on what the model's own description leaves open, or forbids."""
        notes = []
        if self.is_published:
            notes.append("Weights of a published model are counted in 16 bits; --weights is exact.")
        if self.max_context_len is not None and context_len > self.max_context_len:
            notes.append(
                f"The model's own maximum is {units.count(self.max_context_len, 'token')}."
            )
        return tuple(notes)


def weighed_model(config: str | None, name: str | None, layer: LayerOptions) -> WeighedModel:
    """The model of a file, of the catalogue, or of the options.

    Raises:
        ValueError: none or several are given, or they describe no model.
    """
    if config is not None and name is not None:
        raise ValueError("--config and --model exclude each other: got both")
    if name is not None:
        if layer.given:
            raise ValueError("--model says what its layers are: got options of a layer beside it")
        return _published_model(name)
    if config is None:
        return _model_of_options(layer)
    given = read_model(config, layer, mtp=False)
    assert given.config is not None
    return WeighedModel(
        model=given.model,
        kv_format=given.kv_format,
        weight_bytes=given.config.estimated_weight_bytes,
        weights_kv_heads=_own_kv_heads(given.model),
        params=given.config.estimated_params,
        max_context_len=given.config.max_context_len,
    )


def _published_model(name: str) -> WeighedModel:
    """A model of the catalogue, its parameters in 16 bits."""
    from gqa_core.catalog.models import model
    from gqa_core.theory.weights import weight_bytes

    known = model(name)
    return WeighedModel(
        model=known.config,
        kv_format="bf16",
        weight_bytes=None if known.params is None else weight_bytes(known.params, "bf16"),
        weights_kv_heads=_own_kv_heads(known.config),
        params=known.params,
        max_context_len=known.max_context_len,
        is_published=True,
    )


def _model_of_options(layer: LayerOptions) -> WeighedModel:
    """The model of equal layers; without K/V heads of its own, nobody knows those of its weights.

    Raises:
        ValueError: options are missing, or those of both kinds are given.
    """
    is_complete = layer.n_kv_heads is not None or layer.kv_lora_rank is not None
    layer = layer if is_complete else replace(layer, n_kv_heads=layer.n_heads)
    return WeighedModel(
        model=layer.model,
        kv_format="bf16",
        weights_kv_heads=layer.n_kv_heads if is_complete else None,
    )


def _own_kv_heads(model: ModelConfig) -> int | None:
    """The K/V heads of the layers that represent a model; None for MLA."""
    from gqa_core.theory.kv_heads import main_attention

    return getattr(main_attention(model), "n_kv_heads", None)
