"""Spec of a measured decode step: a layer, a workload, and the kernel that runs it.

`n_layers` are the layers really allocated and run; nothing measured is multiplied up. Specs need no
torch, so that a whole run is validated before anything heavy starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast, get_args

from gqa_core import units
from gqa_core.configs import (
    MAX_LAYERS,
    QUANTISED_FORMATS,
    AttentionConfig,
    GroupedConfig,
    KernelName,
    LatentConfig,
    ModelConfig,
    QuantisedFormat,
    Workload,
    validate_int,
    validate_kernel,
    validate_rotary,
)
from gqa_core.theory.cost import attended_dims, decode_flops, projection_parameters
from gqa_core.theory.formats import DtypeName, dtype_bytes, dtype_format
from gqa_core.theory.memory import kv_cache_bytes, kv_elements_per_token

LatentForm = Literal["absorbed", "naive"]
FORMS: tuple[LatentForm, ...] = get_args(LatentForm)
CacheFormat = Literal["fp32", "bf16", "fp16"] | QuantisedFormat
CACHE_FORMATS: tuple[CacheFormat, ...] = ("fp32", "bf16", "fp16", *QUANTISED_FORMATS)
MAX_SAMPLES = 10_000
PROBE_BYTES = 2**28
MAX_PRODUCT_WIDTH = 4096  # of the matrices that the matmul probe multiplies
TORCH_BYTES = 2**28  # of a process that has imported torch, approximately


class CacheSpec(NamedTuple):
    """Spec of a cache to allocate: requested kernel, capacity, dtype, latent or not.

    `kv_format` is that of a quantised cache.
    """

    kernel: KernelName
    capacity: int
    dtype: DtypeName
    is_latent: bool = False
    kv_format: QuantisedFormat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSpec:
    """One point of a run; `kernel` is a grouped kernel's name, or for MLA absorbed or naive.

    Without a `kv_format` the cache has the format of the dtype. At least `n_samples` samples are
    taken.

    Raises:
        ValueError: a number out of bounds, a dtype, format or kernel that does not exist, or a
            rotated width that is odd.
    """

    attention: AttentionConfig
    workload: Workload
    dtype: DtypeName = "float32"
    n_layers: int = 1
    kv_format: CacheFormat | None = None
    kernel: KernelName | LatentForm = "auto"
    n_samples: int = 20

    def __post_init__(self) -> None:
        dtype_format(self.dtype)
        self._normalise_kv_format()
        validate_rotary(self.attention)
        validate_int("n_layers", self.n_layers, MAX_LAYERS)
        validate_int("samples", self.n_samples, MAX_SAMPLES)
        if isinstance(self.attention, GroupedConfig):
            validate_kernel(self.kernel)
        elif self.kernel not in FORMS:
            raise ValueError(f"kernel of MLA must be absorbed or naive: got {self.kernel!r}")

    def _normalise_kv_format(self) -> None:
        """Set kv_format to None if it is the dtype's own; refuse that of another dtype."""
        own = dtype_format(self.dtype)
        allowed = (own, *QUANTISED_FORMATS)
        if self.kv_format is not None and self.kv_format not in allowed:
            raise ValueError(
                f"kv_format must be one of {', '.join(allowed)} for {self.dtype}: "
                f"got {self.kv_format!r}"
            )
        if self.kv_format == own:
            object.__setattr__(self, "kv_format", None)

    @property
    def cache_format(self) -> CacheFormat:
        """The number format of the cache: as asked, or that of the dtype."""
        return self.kv_format or cast(CacheFormat, dtype_format(self.dtype))

    @property
    def quantised_format(self) -> QuantisedFormat | None:
        """The format of a quantised cache; None where the cache has that of the dtype."""
        return cast(QuantisedFormat | None, self.kv_format)

    @property
    def cached(self) -> AttentionConfig:
        """The layer whose cache is allocated: for naive MLA the expanded one, an MHA."""
        if isinstance(self.attention, LatentConfig) and self.kernel == "naive":
            return self.attention.expanded
        return self.attention

    @property
    def latent_form(self) -> LatentForm | None:
        """The form of MLA that runs; None for grouped attention."""
        return self.kernel if self.kernel in ("absorbed", "naive") else None

    @property
    def cache_specs(self) -> tuple[CacheSpec, ...]:
        """The caches it allocates: both forms of MLA leave the kernel to `auto`."""
        capacity, dtype = self.workload.context_len, self.dtype
        if self.kernel == "absorbed" or self.kernel == "naive":
            is_latent = self.kernel == "absorbed"
            return (CacheSpec("auto", capacity, dtype, is_latent, self.quantised_format),)
        return (CacheSpec(self.kernel, capacity, dtype, kv_format=self.quantised_format),)

    @property
    def formula_bytes(self) -> int:
        """Bytes of the caches of all measured layers by the formula."""
        model = ModelConfig.uniform(self.cached, self.n_layers)
        return kv_cache_bytes(model, self.workload, self.cache_format)

    @property
    def flops(self) -> int:
        """FLOP of attending in one step, all measured layers, in the form that runs."""
        return decode_flops(ModelConfig.uniform(self.cached, self.n_layers), self.workload)

    @property
    def required_bytes(self) -> int:
        """Bytes it takes while it runs: cache, weights, one layer's work, torch, probes.

        One layer's work is its scores in float32 with one copy, a few activations as wide as the
        widest, for `eager` the K and V it repeats, and for a quantised cache, unless `split_kv` is
        asked for, its elements dequantised.
        """
        b, s, element = self.workload.batch_size, self.workload.context_len, self._element
        weights = self.n_layers * projection_parameters(self.attention) * element
        scores = b * self.attention.n_heads * s * (4 + 4 + element)
        widest = max(
            self.attention.dim, self.attention.n_heads * sum(attended_dims(self.attention))
        )
        activations = 4 * b * widest * (4 + element)
        repeated = 0
        if self.kernel == "eager":
            layer = self.attention.mha_baseline
            repeated = b * s * layer.n_heads * (layer.head_dim + layer.v_head_dim) * element
        dequantised = 0
        if self.kv_format is not None and self.kernel != "split_kv":
            dequantised = b * s * kv_elements_per_token(self.cached) * (4 + 4 + element)
        work = scores + activations + repeated + dequantised
        probes = PROBE_BYTES + self.product_bytes
        return self.formula_bytes + weights + work + TORCH_BYTES + probes

    @property
    def product_bytes(self) -> int:
        """Bytes of the matrices whose product is timed between the steps."""
        return 3 * MAX_PRODUCT_WIDTH**2 * self._element

    @property
    def _element(self) -> int:
        return dtype_bytes(self.dtype)

    @property
    def layer_name(self) -> str:
        """The layer in words: "MLA absorbed", "GQA with 8 K/V heads", its cache if quantised."""
        layer = f"{self.attention.variant} {self.kernel}"
        if isinstance(self.attention, GroupedConfig):
            heads = units.count(self.attention.n_kv_heads, "K/V head")
            layer = f"{self.attention.variant} with {heads}"
        return f"{layer} in {self.kv_format}" if self.kv_format else layer

    @property
    def condition(self) -> str:
        """Context, batch and dtype in words."""
        batch = f", batch {self.workload.batch_size}" if self.workload.batch_size > 1 else ""
        return f"context {self.workload.context_len}{batch}, {self.dtype}"

    def __str__(self) -> str:
        return f"{self.layer_name}, {self.condition}"


def decode_specs(
    *,
    grouped: Sequence[GroupedConfig],
    latent: LatentConfig | None,
    context_lens: Sequence[int],
    batch_size: int = 1,
    n_layers: int = 1,
    dtype: DtypeName = "float32",
    kernel: KernelName = "auto",
    n_samples: int = 20,
    kv_formats: Sequence[CacheFormat | None] = (None,),
) -> list[DecodeSpec]:
    """One spec per context, layer and format of the cache, each format once.

    All variants at one context, MLA last in both forms, each in all formats.

    Raises:
        ValueError: as `DecodeSpec`.
    """
    validate_kernel(kernel)
    layers: list[tuple[AttentionConfig, KernelName | LatentForm]] = [
        (config, kernel) for config in grouped
    ]
    if latent is not None:
        layers += [(latent, form) for form in FORMS]
    return [
        DecodeSpec(
            attention=attention,
            workload=Workload(context_len=context_len, batch_size=batch_size),
            dtype=dtype,
            n_layers=n_layers,
            kernel=layer_kernel,
            n_samples=n_samples,
            kv_format=kv_format,
        )
        for context_len in context_lens
        for attention, layer_kernel in layers
        for kv_format in dict.fromkeys(kv_formats)
    ]
