"""size: bytes of a model's KV cache, from options or from its config."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gqa_core.commands.models import described_model
from gqa_core.commands.options import (
    LATENT_FIELDS,
    batch_size_option,
    flags,
    int_option,
    json_option,
    kv_format_option,
    latent_options,
    options_object,
)
from gqa_core.commands.size_text import size_text
from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_LAYERS,
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    Workload,
)

if TYPE_CHECKING:
    from gqa_core.hf_config.parse import ParsedConfig


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


@click.command(short_help="Print the size of a model's KV cache.")
@click.argument("config", required=False, metavar="[MODEL]")
@int_option("context_len", MAX_CONTEXT_LEN, required=True, help="Cached tokens per sequence.")
@batch_size_option
@layer_options
@kv_format_option
@int_option("tp", MAX_HEADS, help="Tensor-parallel GPUs, to print the cache of each.")
@click.option("--mtp", is_flag=True, help="Count the layers of a config that predict more tokens.")
@json_option
@click.pass_context
def size(
    context: click.Context,
    config: str | None,
    context_len: int,
    batch_size: int,
    layer: LayerOptions,
    kv_format: str,
    tp: int | None,
    mtp: bool,
    as_json: bool,
) -> int:
    """Print the size of a model's KV cache: per token, in total, per GPU, compared with MHA.

    The model comes from the options or from MODEL, whose layers may differ: a Hugging Face
    config.json or its folder, a GGUF file, or the text of ollama show -v (- is stdin). Nothing is
    measured and nothing is downloaded.

    \b
    Examples:
      size --n-layers 32 --n-heads 32 --n-kv-heads 8 --head-dim 128 --context-len 8192
      size config.json --context-len 32768 --tp 8 --json
      size model.gguf --context-len 32768
      ollama show -v llama3.1 | gqa-lab size - --context-len 8192
    """
    from gqa_core.hf_config.report import config_size_report
    from gqa_core.theory.size import per_gpu_size, size_report

    workload = Workload(context_len=context_len, batch_size=batch_size)
    if config is not None:
        parsed = _read_config(config, layer, mtp=mtp)
        if context.get_parameter_source("kv_format") is ParameterSource.DEFAULT:
            kv_format = parsed.kv_format_hint or kv_format
        model, report = parsed.model, config_size_report(parsed, workload, kv_format)
    else:
        if mtp:
            raise ValueError("--mtp is for a config, which says what its layers are: got none")
        model = layer.model
        report = size_report(model, workload, kv_format)
    if tp is not None:
        report = replace(report, per_gpu=per_gpu_size(model, workload, kv_format, tp))
    click.echo(report.to_json() if as_json else size_text(report, kv_format))
    return 0


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
