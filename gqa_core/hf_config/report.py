"""The size report of a parsed config: its cache by kind of layer, and what the figures rest on."""

from __future__ import annotations

from dataclasses import replace

from gqa_core.configs import Workload
from gqa_core.hf_config.parse import ParsedConfig
from gqa_core.theory.memory import layer_bytes_per_token
from gqa_core.theory.size import ConfigNotes, LayerKindSize, SizeReport, WeightNotes, size_report

__all__ = ["config_size_report"]


def config_size_report(config: ParsedConfig, workload: Workload, kv_format: str) -> SizeReport:
    """The size of this model's cache, its kinds of layers, and the notes of its config.

    Raises:
        ValueError: the format is not known or not for these layers.
    """
    return replace(
        size_report(config.model, workload, kv_format),
        layers=_layer_kind_sizes(config, kv_format),
        notes=ConfigNotes(
            max_context_len=config.max_context_len,
            used_keys=config.used_keys,
            assumptions=config.assumptions_for(workload.context_len),
            ignored_keys=config.ignored_keys,
            not_counted=config.not_counted,
            weights=WeightNotes(
                params=config.estimated_params,
                bytes=config.estimated_weight_bytes,
                format=config.weight_format,
            ),
        ),
    )


def _layer_kind_sizes(config: ParsedConfig, kv_format: str) -> tuple[LayerKindSize, ...]:
    return tuple(
        LayerKindSize(
            count=n_layers,
            kind=kind,
            window=group.window if group else None,
            attention=group.attention if group else None,
            kv_bytes_per_token=group.n_caches * layer_bytes_per_token(group.attention, kv_format)
            if group
            else 0,
        )
        for kind, n_layers, group in config.layers
    )
