"""The cache format that a config file asks for, which engines follow unless another is chosen.

Source: vllm-project/vllm, compressed_tensors.py and modelopt.py (kv_cache_scheme and
kv_cache_quant_algo, with kv_cache_dtype "auto").
"""

from __future__ import annotations

from gqa_core.hf_config.reader import ConfigReader

__all__ = ["kv_format_hint"]

OBJECTS = ("quantization_config", "compression_config")
BF16_NAMES = ("auto", "bf16", "bfloat16", "fp16", "float16", "none")


def kv_format_hint(reader: ConfigReader, top: ConfigReader) -> str | None:
    """The name of the cache format that the file asks for, or None if it asks for none.

    Only 8-bit floats are followed; anything else is noted, and counted in the usual 16 bits.
    """
    for source in (top, reader):
        for name in OBJECTS:
            inner = source.values.get(name)
            if isinstance(inner, dict):
                stated = _stated_format(inner)
                if stated is not None:
                    source.value(name)
                    return _followed(source, f"{source.path}{name}", stated)
    return None


def _stated_format(settings: dict[str, object]) -> str | None:
    """The format in the words of the file, or None."""
    algorithm = settings.get("kv_cache_quant_algo")
    if isinstance(algorithm, str) and algorithm.lower() not in BF16_NAMES:
        return algorithm[:20].lower()
    scheme = settings.get("kv_cache_scheme")
    if not isinstance(scheme, dict):
        return None
    bits, kind = scheme.get("num_bits"), scheme.get("type", "float")
    is_plain = isinstance(bits, int) and not isinstance(bits, bool) and isinstance(kind, str)
    if not is_plain or not 1 <= int(str(bits)) <= 8:
        return None
    return "fp8" if (bits, kind) == (8, "float") else f"{bits}-bit {str(kind)[:20]}"


def _followed(source: ConfigReader, path: str, stated: str) -> str | None:
    if stated != "fp8":
        source.assume(f"{path} asks for a cache in {stated}, which is not followed")
        return None
    source.assume(f"{path} asks for an fp8 cache: followed unless a cache format is given")
    return "fp8"
