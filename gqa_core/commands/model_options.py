"""The options that describe a model, and reading it from them or from its config."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from gqa_core.commands.models import described_model
from gqa_core.commands.options import (
    LATENT_FIELDS,
    flags,
    int_option,
    latent_options,
    options_object,
)
from gqa_core.configs import (
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_LAYERS,
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
)

if TYPE_CHECKING:
    from gqa_core.hf_config.parse import ParsedConfig

__all__ = [
    "LayerOptions",
    "ModelInput",
    "config_argument",
    "layer_options",
    "mtp_option",
    "read_model",
]


@dataclass(frozen=True, kw_only=True)
class LayerOptions:
    """A model of equal layers; None stands for an option that was not given."""

    n_layers: int | None
    n_heads: int | None
    n_kv_heads: int | None
    head_dim: int | None
    kv_lora_rank: int | None
    qk_rope_head_dim: int | None
    qk_nope_head_dim: int | None
    v_head_dim: int | None

    @property
    def given(self) -> dict[str, int]:
        """The options that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def model(self) -> ModelConfig:
        """The model: grouped attention, or MLA if a latent option is given.

        Raises:
            ValueError: options are missing, or those of both are given.
        """
        if self.n_layers is None or self.n_heads is None:
            missing = [name for name in ("n_layers", "n_heads") if name not in self.given]
            raise ValueError(f"without a config, a model must be given by {flags(missing)} too")
        layer = {name: self.given[name] for name in self.given if name not in ("n_layers",)}
        return ModelConfig.uniform(_attention(layer), self.n_layers)


layer_options = options_object(
    "layer",
    LayerOptions,
    [
        int_option("n_layers", MAX_LAYERS, help="Layers that cache K and V."),
        int_option("n_heads", MAX_HEADS, help="Query heads."),
        int_option("n_kv_heads", MAX_HEADS, help="K/V heads; they divide n_heads."),
        int_option("head_dim", MAX_HEAD_DIM, help="Width of a head."),
        latent_options,
    ],
)


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """A model, and the config that it was read from if it was."""

    model: ModelConfig
    config: ParsedConfig | None = None

    @property
    def kv_format(self) -> str:
        """The format of the cache that the config asks for, bf16 if it asks for none."""
        return (self.config and self.config.kv_format_hint) or "bf16"


config_argument = click.argument("config", required=False, metavar="[MODEL]")
mtp_option = click.option(
    "--mtp", is_flag=True, help="Count the layers of a config that predict more tokens."
)


def read_model(path: str | None, layer: LayerOptions, *, mtp: bool) -> ModelInput:
    """The model of a file or folder, or that of the options; `mtp` counts next-token layers.

    Raises:
        ValueError: both or neither are given, they describe no model, or `mtp` is without a config.
    """
    if path is not None:
        config = _read_config(path, layer, mtp=mtp)
        return ModelInput(model=config.model, config=config)
    if mtp:
        raise ValueError("--mtp is for a config, which says what its layers are: got none")
    return ModelInput(model=layer.model)


def _read_config(path: str, layer: LayerOptions, *, mtp: bool) -> ParsedConfig:
    """The model that a file or folder describes, which must stand alone."""
    if layer.given:
        raise ValueError(f"a config says what its layers are: got {flags(layer.given)} beside it")
    return described_model(path, mtp=mtp)


def _attention(given: dict[str, int]) -> AttentionConfig:
    """The layer of these fields: those of a grouped or of a latent config, not of both."""
    fields = given.keys() - {"n_heads"}
    grouped, latent = ("n_kv_heads", "head_dim"), tuple(LATENT_FIELDS)
    if fields == set(grouped):
        return GroupedConfig(**given)
    if fields == set(latent):
        return LatentConfig(**given)
    raise ValueError(
        f"a layer is given by {flags(grouped)} or by {flags(latent)}: "
        f"got {flags(name for name in given if name != 'n_heads') or 'none of them'}"
    )
