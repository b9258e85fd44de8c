"""Estimates the bytes of a model's weights from its config: parameters by how they are stored.

`quantization_config` names a format and the modules left out of it. Embeddings, norms and routers
stay in 16 bits, and so does the head, but for a checkpoint that quantises every linear layer and
does not list it. A method that is not known here gives no size rather than a wrong one.
Source: huggingface/transformers, src/transformers/quantizers; vllm-project/compressed-tensors;
NVIDIA/Model-Optimizer (hf_quant_config); AutoGPTQ and AutoAWQ checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from gqa_core.hf_config.params import ModuleKind, ParameterCounts
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.hf_config.unconverted import Unconverted, unconverted_modules
from gqa_core.theory.weights import group_bytes

__all__ = ["WeightEstimate", "estimated_weights"]

SIXTEEN_BITS = Fraction(2)
DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
DTYPE_FORMATS = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
FP8_BLOCK = 128 * 128  # weights per fp32 scale where nothing else is stated
UNCONVERTED_LISTS = (
    "modules_to_not_convert",
    "ignore",
    "ignored_layers",
    "exclude_modules",
    "llm_int8_skip_modules",
)
CONVERTED: tuple[ModuleKind, ...] = ("attention", "state", "dense", "experts", "shared expert")
ONLY_EXPERTS: tuple[ModuleKind, ...] = ("experts",)


@dataclass(frozen=True, slots=True)
class WeightEstimate:
    """Bytes of all weights, None if not known, and the format that most are stored in."""

    bytes: int | None
    weight_format: str | None


@dataclass(frozen=True, slots=True)
class Quantisation:
    """A format of weights: its name, bytes per weight with its scales, and what it is used for."""

    name: str
    bytes_per_weight: Fraction
    converted: tuple[ModuleKind, ...] = CONVERTED
    converts_head: bool = False


def estimated_weights(
    reader: ConfigReader, top: ConfigReader, counts: ParameterCounts | None
) -> WeightEstimate:
    """The weights of a model; `top` is the whole config, `reader` its text model."""
    try:
        config = _quantization_config(reader, top)
        if config is None:
            return _unquantised(reader, top, counts)
        quantisation = _quantisation(config)
        if quantisation is None:
            method = config.text("quant_method") or ""
            is_name = len(method) <= 20 and method.replace("-", "_").isidentifier()
            return WeightEstimate(None, method if is_name else "unknown")
        unconverted = _unconverted(config)
    except ValueError:
        return WeightEstimate(None, "unknown")
    if counts is None or unconverted is None:
        return WeightEstimate(None, quantisation.name)
    return WeightEstimate(_bytes(counts, quantisation, unconverted), quantisation.name)


def _quantization_config(reader: ConfigReader, top: ConfigReader) -> ConfigReader | None:
    for part in (top, reader):
        for name in ("quantization_config", "compression_config"):
            values = part.values.get(name)
            if isinstance(values, dict) and values:
                return ConfigReader(values)
    return None


def _unquantised(
    reader: ConfigReader, top: ConfigReader, counts: ParameterCounts | None
) -> WeightEstimate:
    """Weights in the config's own dtype; without one, in 16 bits as published models are."""
    names = [part.values.get(key) for part in (reader, top) for key in ("dtype", "torch_dtype")]
    stated = next((name for name in names if isinstance(name, str)), "bfloat16")
    dtype = stated.removeprefix("torch.")
    if dtype not in DTYPE_BYTES:
        return WeightEstimate(None, "unknown")
    n_bytes = (counts.total + counts.vision) * DTYPE_BYTES[dtype] if counts else None
    return WeightEstimate(n_bytes, DTYPE_FORMATS[dtype])


def _quantisation(config: ConfigReader) -> Quantisation | None:
    """The format that a config states, None if it is not known here."""
    method = config.text("quant_method") or ""
    if config.has("store_dtype"):  # stored in another format than it is computed in
        return None
    if method == "fp8":
        return Quantisation("fp8", 1 + Fraction(4, _block_weights(config)))
    if method == "fbgemm_fp8":
        return Quantisation("fp8", Fraction(1))
    if method == "mxfp4":
        return Quantisation("mxfp4", group_bytes(4, 32, 1), ONLY_EXPERTS)
    if method in ("gptq", "awq"):
        return _integer_groups(config)
    if method == "bitsandbytes":
        return _bitsandbytes(config)
    if method in ("compressed-tensors", "compressed_tensors"):
        return _compressed_tensors(config)
    if method == "modelopt":
        return _modelopt(config)
    return None


def _block_weights(config: ConfigReader) -> int:
    """Weights per scale of an fp8 checkpoint."""
    sizes = config.array("weight_block_size") or []
    if len(sizes) == 2 and all(isinstance(size, int) and 1 <= size <= 2**16 for size in sizes):
        first, second = sizes
        assert isinstance(first, int)
        assert isinstance(second, int)
        return first * second
    return FP8_BLOCK


def _integer_groups(config: ConfigReader) -> Quantisation | None:
    """GPTQ and AWQ: each group has an fp16 scale and a zero point of as many bits as a weight."""
    n_bits = config.integer("bits", "w_bit", most=8)
    if n_bits not in (2, 3, 4, 8):
        return None
    size = config.integer("group_size", "q_group_size", most=2**16, least=-1)
    group = 2**12 if size is None or size < 1 else size  # a scale per row of thousands
    head = config.flag("lm_head") or False
    per_weight = group_bytes(n_bits, group, 2 + Fraction(n_bits, 8))
    return Quantisation(f"int{n_bits}", per_weight, converts_head=head)


def _bitsandbytes(config: ConfigReader) -> Quantisation | None:
    """8 bits with a scale per row, or 4 bits with an fp32 scale per 64, itself 8 bits if nested."""
    if config.flag("load_in_8bit") or config.flag("_load_in_8bit"):
        return Quantisation("int8", Fraction(1))
    if not (config.flag("load_in_4bit") or config.flag("_load_in_4bit")):
        return None
    nested = config.flag("bnb_4bit_use_double_quant") or False
    scale = 1 + Fraction(4, 256) if nested else Fraction(4)
    return Quantisation("int4", group_bytes(4, 64, scale))


def _compressed_tensors(config: ConfigReader) -> Quantisation | None:
    """The one scheme of a checkpoint, which covers every linear layer that is not ignored."""
    schemes = config.nested("config_groups")
    if schemes is None or len(schemes.values) != 1:
        return None
    scheme = schemes.nested(next(iter(schemes.values)))
    targets = scheme.array("targets") if scheme else None
    weights = scheme.nested("weights") if scheme else None
    if weights is None or targets != ["Linear"]:
        return None
    return _scheme(weights, converts_head=True)


def _scheme(weights: ConfigReader, *, converts_head: bool) -> Quantisation | None:
    """Weights of `num_bits` and `type`, with a scale per group or row."""
    n_bits, kind = weights.integer("num_bits", most=16), weights.text("type")
    group = weights.integer("group_size", most=2**16, least=-1)
    if n_bits == 8 and kind in ("float", "int"):
        return Quantisation(
            f"{'fp' if kind == 'float' else 'int'}8", Fraction(1), CONVERTED, converts_head
        )
    if n_bits == 4 and kind == "float":
        scale = {16: "nvfp4", 32: "mxfp4"}
        if group not in scale:
            return None
        return Quantisation(scale[group], group_bytes(4, group, 1), CONVERTED, converts_head)
    if n_bits == 4 and kind == "int":
        size = 2**12 if group is None or group < 1 else group
        return Quantisation("int4", group_bytes(4, size, 2), CONVERTED, converts_head)
    return None


def _modelopt(config: ConfigReader) -> Quantisation | None:
    algorithm = (config.text("quant_algo") or "").upper()
    if algorithm == "FP8":
        return Quantisation("fp8", Fraction(1), CONVERTED, converts_head=True)
    if algorithm == "NVFP4":
        return Quantisation("nvfp4", group_bytes(4, 16, 1), CONVERTED, converts_head=True)
    return None


def _unconverted(config: ConfigReader) -> Unconverted | None:
    """The modules left in 16 bits, None if an entry is not understood."""
    names = [name for key in UNCONVERTED_LISTS for name in config.array(key) or []]
    return unconverted_modules(names)


def _bytes(counts: ParameterCounts, quantisation: Quantisation, unconverted: Unconverted) -> int:
    """Bytes of all weights, rounded up to a whole number."""
    per_weight = quantisation.bytes_per_weight
    is_head_converted = quantisation.converts_head and not unconverted.has("head")
    total = SIXTEEN_BITS * (counts.embedding + counts.vision)
    total += counts.head * (per_weight if is_head_converted else SIXTEEN_BITS)
    for number, layer in enumerate(counts.layers):
        for kind, n_params in layer.items():
            is_converted = kind in quantisation.converted and not unconverted.has(kind, number)
            total += n_params * (per_weight if is_converted else SIXTEEN_BITS)
    return ceil(total)
