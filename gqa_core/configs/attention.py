"""The vocabulary of the whole project: an attention layer and a workload.

A layer is described by what it caches. In grouped attention `n_heads` query heads share
`n_kv_heads` keys and values; MHA (n_kv_heads = n_heads) and MQA (n_kv_heads = 1) are its two ends.
Latent attention (MLA) caches one latent vector and one rotary key for all heads. The variant is
derived from the numbers, never stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

__all__ = [
    "CUDA_KERNELS",
    "DECODE_KERNELS",
    "KERNEL_NAMES",
    "QUANTISED_FORMATS",
    "SDPA_KERNELS",
    "VARIANTS",
    "AttentionConfig",
    "ConcreteKernel",
    "GroupedConfig",
    "KernelName",
    "LatentConfig",
    "QuantisedFormat",
    "SdpaBackend",
    "Variant",
    "Workload",
    "default_mla_for",
    "validate_int",
    "validate_kernel",
    "validate_quantised_format",
    "validate_rotary",
]

MAX_LAYERS, MAX_HEADS, MAX_HEAD_DIM = 1000, 1024, 1024
MAX_RANK = 2**16
MAX_DIM = MAX_HEADS * MAX_HEAD_DIM
MAX_CONTEXT_LEN = 2**24
MAX_BATCH_SIZE = 2**20
MAX_PARAMS = 10**14

Variant = Literal["MHA", "GQA", "MQA", "MLA"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
KernelName = Literal["auto", "eager", "sdpa", "packed", "matmul", "split_kv", "flash", "triton"]
KERNEL_NAMES: tuple[KernelName, ...] = get_args(KernelName)
QuantisedFormat = Literal["int8_per_token_head", "fp8_per_token_head"]  # of a cache that runs
QUANTISED_FORMATS: tuple[QuantisedFormat, ...] = get_args(QuantisedFormat)
ConcreteKernel = Literal["eager", "sdpa", "packed", "matmul", "split_kv", "flash", "triton"]
# ConcreteKernel has all names but `auto`. DECODE_KERNELS attend for one query token and compute no
# gradients: `packed` does the rest. SDPA_KERNELS call torch's scaled_dot_product_attention.
# CUDA_KERNELS need a CUDA device.
DECODE_KERNELS: tuple[ConcreteKernel, ...] = ("split_kv", "flash", "triton")
SDPA_KERNELS: tuple[ConcreteKernel, ...] = ("sdpa", "packed", "flash")
CUDA_KERNELS: tuple[ConcreteKernel, ...] = ("flash", "triton")
SdpaBackend = Literal[
    "math", "flash_attention", "efficient_attention", "cudnn_attention", "overrideable"
]


def validate_int(name: str, value: object, most: int, least: int = 1) -> None:
    """Raise ValueError unless `value` is a whole number (no bool) from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number: got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least} and {most}: got {value}")


def validate_kernel(name: object) -> None:
    """Raise ValueError unless a kernel for grouped attention has this name."""
    if name not in KERNEL_NAMES:
        raise ValueError(f"kernel must be one of {', '.join(KERNEL_NAMES)}: got {name!r}")


def validate_quantised_format(kv_format: object) -> None:
    """Raise ValueError unless a cache can be quantised in this format."""
    if kv_format not in QUANTISED_FORMATS:
        known = ", ".join(QUANTISED_FORMATS)
        raise ValueError(f"kv_format must be one of {known}: got {kv_format!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedConfig:
    """One layer of MHA, GQA or MQA: `n_heads` query heads share `n_kv_heads` K/V heads.

    `v_head_dim` (width of a value) defaults to `head_dim`, and `dim` (width of the model) to
    n_heads * head_dim; None stands for the default.

    Raises:
        ValueError: a number is out of bounds, or n_kv_heads does not divide n_heads.
    """

    n_heads: int
    n_kv_heads: int
    head_dim: int
    v_head_dim: int = cast(int, None)
    dim: int = cast(int, None)

    def __post_init__(self) -> None:
        for name in ("n_heads", "n_kv_heads"):
            validate_int(name, getattr(self, name), MAX_HEADS)
        validate_int("head_dim", self.head_dim, MAX_HEAD_DIM)
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_kv_heads must divide n_heads: got {self.n_kv_heads} and {self.n_heads}"
            )
        _set_default(self, "v_head_dim", self.head_dim, MAX_HEAD_DIM)
        _set_default(self, "dim", self.n_heads * self.head_dim, MAX_DIM)

    @property
    def variant(self) -> Variant:
        """MHA, GQA or MQA, from the numbers alone; a single query head is MHA."""
        if self.n_kv_heads == self.n_heads:
            return "MHA"
        return "MQA" if self.n_kv_heads == 1 else "GQA"

    @property
    def q_per_kv(self) -> int:
        """Query heads per K/V head."""
        return self.n_heads // self.n_kv_heads

    @property
    def mha_baseline(self) -> GroupedConfig:
        """The MHA that this layer is compared with: one K and one V per query head."""
        return replace(self, n_kv_heads=self.n_heads)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentConfig:
    """One layer of MLA, in the names of DeepSeek's code.

    A layer without rotary embedding has a `qk_rope_head_dim` of 0 and caches its latent alone.
    With `q_lora_rank` None the query is projected directly. `dim` (width of the model) defaults to
    n_heads * v_head_dim; None stands for the default.

    Raises:
        ValueError: a number is out of bounds.
    """

    n_heads: int
    kv_lora_rank: int
    qk_rope_head_dim: int
    qk_nope_head_dim: int
    v_head_dim: int
    q_lora_rank: int | None = None
    dim: int = cast(int, None)

    def __post_init__(self) -> None:
        validate_int("n_heads", self.n_heads, MAX_HEADS)
        validate_int("kv_lora_rank", self.kv_lora_rank, MAX_RANK)
        validate_int("qk_rope_head_dim", self.qk_rope_head_dim, MAX_HEAD_DIM, least=0)
        for name in ("qk_nope_head_dim", "v_head_dim"):
            validate_int(name, getattr(self, name), MAX_HEAD_DIM)
        validate_int("qk_nope_head_dim + qk_rope_head_dim", self.qk_head_dim, MAX_HEAD_DIM)
        if self.q_lora_rank is not None:
            validate_int("q_lora_rank", self.q_lora_rank, MAX_RANK)
        _set_default(self, "dim", self.n_heads * self.v_head_dim, MAX_DIM)

    @property
    def variant(self) -> Variant:
        """Always MLA."""
        return "MLA"

    @property
    def qk_head_dim(self) -> int:
        """Width of a head's query and key; both forms scale the softmax by its -1/2 power."""
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    @property
    def mha_baseline(self) -> GroupedConfig:
        """The MHA that this layer is compared with: qk_nope_head_dim + v_head_dim per head.

        Source: DeepSeek-V2 report (arXiv:2405.04434), Table 1; gives V3 its 56.89.
        """
        return self._as_mha(head_dim=self.qk_nope_head_dim)

    @property
    def expanded(self) -> GroupedConfig:
        """The layer that the naive form runs and caches: K (nope + rope) and V of every head."""
        return self._as_mha(head_dim=self.qk_head_dim)

    def _as_mha(self, head_dim: int) -> GroupedConfig:
        return GroupedConfig(
            n_heads=self.n_heads,
            n_kv_heads=self.n_heads,
            head_dim=head_dim,
            v_head_dim=self.v_head_dim,
            dim=self.dim,
        )


AttentionConfig = GroupedConfig | LatentConfig


def default_mla_for(n_heads: int, head_dim: int, **overrides: int) -> LatentConfig:
    """MLA to compare with grouped heads of `head_dim`: as wide a model, DeepSeek-V2's proportions.

    kv_lora_rank = 4 head_dim, qk_rope_head_dim = head_dim / 2; `overrides` replace any number.

    Raises:
        ValueError: as `LatentConfig`, and for a head_dim out of bounds.
    Source: DeepSeek-V2 report (arXiv:2405.04434), section 2.1.2.
    """
    proportions = {
        "kv_lora_rank": 4 * head_dim,
        "qk_rope_head_dim": max(head_dim // 2, 1),
        "qk_nope_head_dim": head_dim,
        "v_head_dim": head_dim,
        "dim": GroupedConfig(n_heads=n_heads, n_kv_heads=n_heads, head_dim=head_dim).dim,
    }
    return LatentConfig(n_heads=n_heads, **proportions | overrides)


def validate_rotary(attention: AttentionConfig) -> None:
    """Raise ValueError if the rotated width is odd; only layers that are run need this."""
    name = "head_dim" if isinstance(attention, GroupedConfig) else "qk_rope_head_dim"
    if (width := getattr(attention, name)) % 2:
        raise ValueError(f"{name} must be even, since RoPE rotates pairs: got {width}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One decode step: `context_len` tokens cached per sequence, the step's own token included.

    Raises:
        ValueError: a number is out of bounds.
    """

    context_len: int
    batch_size: int = 1

    def __post_init__(self) -> None:
        validate_int("context_len", self.context_len, MAX_CONTEXT_LEN)
        validate_int("batch_size", self.batch_size, MAX_BATCH_SIZE)


def _set_default(config: AttentionConfig, name: str, default: int, most: int) -> None:
    """Replace None by the default, so that equal layers compare equal, and validate the field."""
    if getattr(config, name) is None:
        object.__setattr__(config, name, default)
    validate_int(name, getattr(config, name), most)
