"""The kernels of accelerators: what each can serve, and which one `auto` takes.

The choice is a rule from published figures and from torch's own code, until a table is measured on
a device; nothing here was timed on a GPU yet. On CUDA:

1. `flash`, for 16-bit caches of one width up to 256, from compute capability 8.0 on: torch's flash
   attention packs the query heads of a K/V head as rows and splits the context, if `enable_gqa` is
   set. That is the reverse of the CPU, and of SDPA's math path, which repeats K and V.
2. `triton`, our own split-KV kernel, where flash attention cannot serve: absorbed MLA, float32, K
   and V of different widths, wider heads, and widths that are no multiple of 8, for which torch
   would copy the cache at every step.
3. `packed` for all others: capabilities below 8.0, systems without Triton, wider heads. Without
   `enable_gqa`, the math path repeats nothing.

Other accelerators, and AMD's under ROCm, where no block size was tried, take `packed`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import torch

from gqa_core.configs import ConcreteKernel, QuantisedFormat

__all__ = [
    "Accelerator",
    "choose_accelerator_kernel",
    "describe_accelerator",
    "serves_flash",
    "serves_triton",
    "validate_cuda_kernel",
]

MIN_CAPABILITY = (8, 0)
FP8_MIN_CAPABILITY = (8, 9)
FLASH_DTYPES = (torch.float16, torch.bfloat16)
FLASH_MAX_WIDTH = 256
FLASH_ALIGNMENT = 8  # torch pads, and so copies, K and V of other widths
TRITON_DTYPES = (torch.float32, torch.float16, torch.bfloat16)
TRITON_MAX_WIDTH = 576  # of K or V: wider rows do not fit into shared memory


@dataclass(frozen=True, slots=True)
class Accelerator:
    """Properties of a device on which the choice of a kernel depends.

    `capability` is the compute capability (major, minor) of a CUDA device, None of any other.
    `is_interpreted` is whether Triton's interpreter runs its kernels, on CPU tensors.
    """

    capability: tuple[int, int] | None
    has_triton: bool
    is_interpreted: bool = False


@cache
def describe_accelerator(device: torch.device) -> Accelerator:
    """The properties of this device; a CUDA device is asked for its capability."""
    is_interpreted = os.environ.get("TRITON_INTERPRET") == "1"  # as Triton reads it, at import
    is_cuda = device.type == "cuda" and torch.version.hip is None
    return Accelerator(
        capability=torch.cuda.get_device_capability(device) if is_cuda else None,
        has_triton=find_spec("triton") is not None,
        is_interpreted=is_interpreted and device.type == "cpu",
    )


def choose_accelerator_kernel(
    accelerator: Accelerator,
    dtype: torch.dtype,
    *,
    d: int,
    v: int,
    kv_format: QuantisedFormat | None = None,
) -> ConcreteKernel:
    """The kernel that `auto` takes on an accelerator for K of width d and V of width v.

    Absorbed MLA has d = c + r and v = c. Of a quantised cache `triton` alone reads the codes; the
    others attend over a dequantised copy.
    """
    if kv_format is None and serves_flash(accelerator, dtype, d=d, v=v):
        return "flash"
    is_served = serves_triton(accelerator, dtype, d=d, v=v, kv_format=kv_format)
    return "triton" if is_served else "packed"


def serves_flash(accelerator: Accelerator, dtype: torch.dtype, *, d: int, v: int) -> bool:
    """True if torch's flash attention reads such a cache in place."""
    is_right_width = d == v <= FLASH_MAX_WIDTH and d % FLASH_ALIGNMENT == 0
    return _is_capable(accelerator) and dtype in FLASH_DTYPES and is_right_width


def serves_triton(
    accelerator: Accelerator,
    dtype: torch.dtype,
    *,
    d: int,
    v: int,
    kv_format: QuantisedFormat | None = None,
) -> bool:
    """True if the split-KV kernel in Triton can attend over such a cache."""
    least = FP8_MIN_CAPABILITY if kv_format == "fp8_per_token_head" else MIN_CAPABILITY
    runs = accelerator.is_interpreted or _is_capable(accelerator, least)
    is_served = dtype in TRITON_DTYPES and max(d, v) <= TRITON_MAX_WIDTH
    return accelerator.has_triton and runs and is_served


def validate_cuda_kernel(
    name: ConcreteKernel,
    dtype: torch.dtype,
    device: torch.device,
    *,
    d: int,
    v: int,
    accelerator: Accelerator | None = None,
    kv_format: QuantisedFormat | None = None,
) -> None:
    """Raise ValueError unless `flash` or `triton` can serve such a cache on this device."""
    accelerator = accelerator or describe_accelerator(device)
    if name == "flash":
        is_served = serves_flash(accelerator, dtype, d=d, v=v)
    else:
        is_served = serves_triton(accelerator, dtype, d=d, v=v, kv_format=kv_format)
    if is_served:
        return
    if name == "triton" and not accelerator.has_triton:
        raise ValueError("triton must be installed, as CUDA builds of torch do: it is not")
    limits = {
        "flash": f"float16 or bfloat16, and one width of K and V, a multiple of {FLASH_ALIGNMENT} "
        f"up to {FLASH_MAX_WIDTH}",
        "triton": f"float32, float16 or bfloat16, widths up to {TRITON_MAX_WIDTH}, and 8.9 or more "
        "for fp8_per_token_head",
    }
    raise ValueError(
        f"{name} must have a CUDA device of compute capability 8.0 or more, {limits[name]}: "
        f"got {device}, {_capability_name(accelerator)}, {dtype}, widths {d} and {v}"
    )


def _is_capable(accelerator: Accelerator, least: tuple[int, int] = MIN_CAPABILITY) -> bool:
    return accelerator.capability is not None and accelerator.capability >= least


def _capability_name(accelerator: Accelerator) -> str:
    if accelerator.capability is None:
        return "no capability"
    return "capability {}.{}".format(*accelerator.capability)
