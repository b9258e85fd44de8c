"""The size report of a model's cache, which `size` prints and the model pages show.

All sizes are exact integers. A report can go with the config it was computed from and with the
share of each GPU under tensor parallelism; `to_json` writes all of it as one flat object.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from gqa_core.configs import AttentionConfig, GroupedConfig, ModelConfig, Variant, Workload
from gqa_core.theory.engines import Allocation
from gqa_core.theory.memory import (
    kv_bytes_per_token,
    kv_cache_bytes,
    kv_cache_bytes_as_allocated,
    kv_read_bytes,
    reduction_vs_mha,
)
from gqa_core.theory.parts import (
    MemoryPart,
    indexer_bytes_per_token,
    memory_parts,
    state_bytes,
    total_bytes,
)
from gqa_core.theory.per_gpu import PerGpuSize

__all__ = [
    "MAX_CREDIBLE_BYTES",
    "ConfigNotes",
    "LayerKindSize",
    "SizeReport",
    "WeightNotes",
    "size_report",
]

MAX_CREDIBLE_BYTES = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerKindSize:
    """The `count` layers of one kind; `attention` is None if they cache no tokens.

    `kv_bytes_per_token` is that of all of them, `window` the tokens they see, None for all.
    """

    count: int
    kind: str
    window: int | None
    attention: AttentionConfig | None
    kv_bytes_per_token: int

    def json_fields(self) -> dict[str, object]:
        """The fields of this kind in the JSON report, by variant."""
        fields: dict[str, object] = {"count": self.count, "kind": self.kind, "window": self.window}
        attention = self.attention
        if attention is None:
            return fields | {"kv_bytes_per_token": self.kv_bytes_per_token}
        fields |= {"variant": attention.variant, "n_heads": attention.n_heads}
        if isinstance(attention, GroupedConfig):
            fields |= {
                "n_kv_heads": attention.n_kv_heads,
                "head_dim": attention.head_dim,
                "v_head_dim": attention.v_head_dim,
            }
        else:
            fields |= {
                "kv_lora_rank": attention.kv_lora_rank,
                "qk_rope_head_dim": attention.qk_rope_head_dim,
            }
        return fields | {
            "kv_bytes_per_token": self.kv_bytes_per_token,
            "reduction_vs_mha": reduction_vs_mha(attention),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightNotes:
    """The weights beside the cache, as far as a config states them; None where it does not."""

    params: int | None
    bytes: int | None
    format: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigNotes:
    """Notes of a report of a config: keys used and ignored, assumptions, memory left out."""

    max_context_len: int | None
    used_keys: tuple[str, ...]
    assumptions: tuple[str, ...]
    ignored_keys: tuple[str, ...]
    not_counted: tuple[str, ...]
    weights: WeightNotes


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeReport:
    """Bytes of a model's cache at one workload.

    Fields named `kv_` count K/V and latent alone. `parts` are all that the model keeps, and
    `total_bytes` is their sum at this workload; `state_bytes` are those of one sequence. `variant`
    and `reduction_vs_mha` (how many times smaller than MHA, dimensionless) are None if layers
    differ. `layers` and `notes` are there if the model came from a config, `per_gpu` if it is split
    over GPUs, and `allocation` if an engine was named.
    """

    variant: Variant | None
    n_layers: int
    kv_bytes_per_token: int
    kv_cache_bytes: int
    kv_cache_bytes_as_allocated: int
    kv_read_bytes: int
    reduction_vs_mha: float | None
    parts: tuple[MemoryPart, ...]
    indexer_bytes_per_token: int
    state_bytes: int
    total_bytes: int
    layers: tuple[LayerKindSize, ...] = ()
    notes: ConfigNotes | None = None
    per_gpu: PerGpuSize | None = None
    allocation: Allocation | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """Every number of bytes in this report, by its JSON name."""
        fields = asdict(replace(self, allocation=None)) | (
            asdict(self.per_gpu) if self.per_gpu else {}
        )
        if self.allocation:
            fields |= self.allocation.json_fields()
        return {name: number for name, number in fields.items() if "_bytes" in name}

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence per size that no machine could hold."""
        return tuple(
            f"{name} is above 2^63 and no machine can hold that: check the numbers it is made of"
            for name, number in self.sizes.items()
            if number > MAX_CREDIBLE_BYTES
        )

    def to_json(self) -> str:
        """The report as one flat JSON object; parts that it does not have are left out."""
        fields: dict[str, object] = {
            "variant": self.variant,
            "n_layers": self.n_layers,
            "kv_bytes_per_token": self.kv_bytes_per_token,
            "kv_cache_bytes": self.kv_cache_bytes,
            "kv_read_bytes": self.kv_read_bytes,
            "reduction_vs_mha": self.reduction_vs_mha,
            "parts": [asdict(part) for part in self.parts],
            "indexer_bytes_per_token": self.indexer_bytes_per_token,
            "state_bytes": self.state_bytes,
            "total_bytes": self.total_bytes,
        }
        if self.notes is not None:
            fields["kv_cache_bytes_as_allocated"] = self.kv_cache_bytes_as_allocated
            fields["layers"] = [kind.json_fields() for kind in self.layers]
            fields |= asdict(self.notes)
        if self.per_gpu is not None:
            fields |= asdict(self.per_gpu)
        if self.allocation is not None:
            fields |= self.allocation.json_fields()
        if self.notes is not None or self.warnings:
            fields["warnings"] = self.warnings
        return json.dumps(fields)


def size_report(model: ModelConfig, workload: Workload, kv_format: str) -> SizeReport:
    """The report of a model, without the parts that only a config or a split over GPUs has.

    Raises:
        ValueError: the format is not known or not for these layers.
    """
    attention = model.layer_groups[0].attention if model.is_uniform else None
    return SizeReport(
        variant=attention.variant if attention else None,
        n_layers=model.n_layers,
        kv_bytes_per_token=kv_bytes_per_token(model, kv_format),
        kv_cache_bytes=kv_cache_bytes(model, workload, kv_format),
        kv_cache_bytes_as_allocated=kv_cache_bytes_as_allocated(model, workload, kv_format),
        kv_read_bytes=kv_read_bytes(model, workload, kv_format),
        reduction_vs_mha=reduction_vs_mha(attention) if attention else None,
        parts=memory_parts(model, kv_format),
        indexer_bytes_per_token=indexer_bytes_per_token(model, kv_format),
        state_bytes=state_bytes(model),
        total_bytes=total_bytes(model, workload, kv_format),
    )
