"""size: what a model caches, told from its flags or from its config."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from gqa_core.commands.arguments import LATENT_FLAGS, LAYER_FLAGS, flags
from gqa_core.commands.files import reading
from gqa_core.commands.size_text import size_text
from gqa_core.configs import AttentionConfig, GroupedConfig, LatentConfig, ModelConfig, Workload

if TYPE_CHECKING:
    from gqa_core.hf_config.parse import ParsedConfig


def size(arguments: argparse.Namespace) -> int:
    """Print the cache of a model at a context: bytes per token, in all, per GPU, against MHA."""
    from gqa_core.hf_config.report import config_size_report
    from gqa_core.theory.size import per_gpu_size, size_report

    workload = Workload(context_len=arguments.context_len, batch_size=arguments.batch_size)
    if arguments.config is not None:
        config = _read_config(arguments)
        model, report = config.model, config_size_report(config, workload, arguments.kv_format)
    else:
        attention = _one_layer(arguments)
        model = ModelConfig.uniform(attention, arguments.n_layers)
        report = size_report(model, workload, arguments.kv_format)
    if arguments.tp is not None:
        per_gpu = per_gpu_size(model, workload, arguments.kv_format, arguments.tp)
        report = replace(report, per_gpu=per_gpu)
    print(report.to_json() if arguments.json else size_text(report, arguments.kv_format))
    return 0


def _read_config(arguments: argparse.Namespace) -> ParsedConfig:
    """The config that `size` was given in place of the flags of a layer."""
    from gqa_core.hf_config.parse import MAX_BYTES, parse_config

    if given := [name for name in LAYER_FLAGS if getattr(arguments, name) is not None]:
        raise ValueError(f"a config says what its layers are: got {flags(given)} beside it")
    with reading(arguments.config) as source:
        return parse_config(source.read(MAX_BYTES + 1))


def _one_layer(arguments: argparse.Namespace) -> AttentionConfig:
    """The layer of `size`: grouped flags, or latent ones in their place, not both."""
    if missing := [name for name in ("n_layers", "n_heads") if getattr(arguments, name) is None]:
        raise ValueError(f"without a config, a model must be given by {flags(missing)} too")
    grouped = {name: getattr(arguments, name) for name in ("n_kv_heads", "head_dim")}
    latent = {name: getattr(arguments, name) for name in LATENT_FLAGS}
    given = [name for name, value in (grouped | latent).items() if value is not None]
    kind, wanted = (LatentConfig, latent) if set(given) & set(latent) else (GroupedConfig, grouped)
    if set(given) != set(wanted):
        raise ValueError(
            f"a layer is given by {flags(grouped)} or by {flags(latent)}: "
            f"got {flags(given) or 'none of them'}"
        )
    return kind(n_heads=arguments.n_heads, **wanted)
