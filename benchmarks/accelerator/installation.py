"""The machine: versions, device, driver, memory, caches, clocks, optional packages."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable

import torch

from benchmarks.accelerator.session import Session, first_line
from gqa_core.measure.device import describe, free_bytes, use_device
from gqa_core.measure.nvml import read_clocks

PACKAGES = (
    "torch",
    "triton",
    "numba",
    "numpy",
    "nvidia-ml-py",
    "flash-attn",
    "flash-attn-4",
    "flashinfer-python",
    "xformers",
)


def report_installation(session: Session, report: Callable[[str], None]) -> None:
    """Report what is installed, the device, and its clocks.

    Raises:
        ValueError: the device is not there.
    """
    report(f"Python {platform.python_version()} on {platform.platform()}")
    report(", ".join(f"{name} {version(name)}" for name in PACKAGES))
    report(f"CUDA of torch: {torch.version.cuda}, ROCm: {torch.version.hip}")
    device = use_device(session.device)
    description = describe(device)
    report(f"device {device}: {description.name}, {description.n_threads} CPU threads")
    report(f"free memory: {free_bytes(device) / 1e9:.2f} GB")
    if device.type == "cuda":
        report_cuda(device, report)
    report(f"clocks: {read_clocks(device)}")


def report_cuda(device: torch.device, report: Callable[[str], None]) -> None:
    """Report a CUDA or ROCm device's properties, and which SDPA backends torch would use."""
    properties = torch.cuda.get_device_properties(device)
    report(
        f"compute capability {properties.major}.{properties.minor}, "
        f"{properties.multi_processor_count} multiprocessors, "
        f"{properties.total_memory / 1e9:.2f} GB, L2 {properties.L2_cache_size / 1e6:.1f} MB"
    )
    q = torch.zeros(1, 8, 1, 128, dtype=torch.bfloat16, device=device)
    k = torch.zeros(1, 2, 1024, 128, dtype=torch.bfloat16, device=device)
    params = torch.backends.cuda.SDPAParams(q, k, k, None, 0.0, False, True)
    backends = {
        "flash": torch.backends.cuda.can_use_flash_attention,
        "memory-efficient": torch.backends.cuda.can_use_efficient_attention,
        "cuDNN": torch.backends.cuda.can_use_cudnn_attention,
    }
    for name, can_use in backends.items():
        try:
            answer = str(can_use(params, False))
        except Exception as error:  # noqa: BLE001 - the other backends go on
            answer = first_line(error)
        report(f"SDPA of GQA-4, bfloat16, width 128, by {name}: {answer}")


def version(package: str) -> str:
    """The installed version, or - where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "-"
