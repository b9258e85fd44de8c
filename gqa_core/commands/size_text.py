"""A size record in words, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gqa_core import units

LISTS = ("assumptions", "not_counted", "ignored_keys", "warnings")


def size_text(record: Mapping[str, Any], kv_format: str) -> str:
    """A few lines: what it is, its size, and what the figure rests on."""
    what = record["variant"] or "layers that differ"
    lines = [f"{what}, {units.count(record['n_layers'], 'layer')}, {kv_format}"]
    lines += [f"  {_layers(layers)}" for layers in record.get("layers", ())]
    lines.append(f"per token  {units.capacity(record['kv_bytes_per_token'])}")
    lines.append(f"in all     {units.binary_and_decimal(record['kv_cache_bytes'])}")
    in_all = record["kv_cache_bytes"]
    if record.get("kv_cache_bytes_as_allocated", in_all) != in_all:
        allocated = units.binary_and_decimal(record["kv_cache_bytes_as_allocated"])
        lines.append(f"           {allocated} where every layer gets room for the whole context")
    if "tp" in record:
        per_gpu = units.binary_and_decimal(record["kv_cache_bytes_per_gpu"])
        in_all = units.binary_and_decimal(record["kv_cache_bytes_all_gpus"])
        lines.append(f"per GPU    {per_gpu}, {in_all} on all {record['tp']}")
    read = "a step reads the same"
    if (record["reduction_vs_mha"] or 1) > 1:
        read += f"; {units.times(record['reduction_vs_mha'])} smaller than MHA"
    lines.append(read)
    for name in LISTS:
        if told := record.get(name):
            separator = ", " if name == "ignored_keys" else "; "
            lines.append(f"{name.replace('_', ' ')}: {separator.join(told)}")
    return "\n".join(lines)


def _layers(layers: Mapping[str, Any]) -> str:
    said = f"{layers['count']} {layers['kind']}"
    if layers["window"]:
        said += f" of {layers['window']} tokens"
    if "n_kv_heads" in layers:
        said += f", {layers['n_kv_heads']} K/V heads of {layers['head_dim']}"
        if layers["v_head_dim"] != layers["head_dim"]:
            said += f" and {layers['v_head_dim']}"
    elif "kv_lora_rank" in layers:
        said += f", latent of {layers['kv_lora_rank']} + {layers['qk_rope_head_dim']}"
    return said
