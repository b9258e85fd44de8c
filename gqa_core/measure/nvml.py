"""Clocks, power cap and throttle reasons of an NVIDIA GPU, by NVML where `nvidia-ml-py` is there.

The package is optional (`pip install nvidia-ml-py`), and a driver may decline any single figure:
such a field is None. NVML counts GPUs by itself, whatever CUDA_VISIBLE_DEVICES hides from torch, so
that a GPU is found by its UUID.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

import torch

from gqa_core.records.device_clocks import DeviceClocks, ThrottleReason

__all__ = ["read_clocks"]

T = TypeVar("T")

REASON_BITS: dict[int, ThrottleReason] = {  # nvmlClocksThrottleReason... of nvml.h
    0x1: "idle",
    0x2: "application clocks",
    0x4: "software power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal",
    0x40: "hardware thermal",
    0x80: "power brake",
    0x100: "display clocks",
    0x200: "board limit",
    0x400: "reliability",
}


def read_clocks(device: torch.device) -> DeviceClocks | None:
    """The GPU's clocks, power and throttle reasons now.

    None for a device that is no NVIDIA GPU, or where NVML is not installed or does not know it.
    """
    if device.type != "cuda" or torch.version.hip is not None:
        return None
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        uuid = str(torch.cuda.get_device_properties(device).uuid).removeprefix("GPU-")
        return _clocks(nvml, nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}"))
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()


def _clocks(nvml: ModuleType, handle: Any) -> DeviceClocks:
    """The figures that NVML reports of one GPU."""

    def read(query: Callable[..., T], *arguments: object) -> T | None:
        try:
            return query(*arguments)
        except nvml.NVMLError:
            return None

    power_mw = read(nvml.nvmlDeviceGetPowerUsage, handle)
    limit_mw = read(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    reasons = read(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
    return DeviceClocks(
        driver_version=read(nvml.nvmlSystemGetDriverVersion),
        sm_clock_mhz=read(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
        max_sm_clock_mhz=read(nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_SM),
        memory_clock_mhz=read(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM),
        power_w=None if power_mw is None else power_mw / 1e3,
        power_limit_w=None if limit_mw is None else limit_mw / 1e3,
        temperature_celsius=read(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        throttle_reasons=throttle_reasons(reasons or 0),
    )


def throttle_reasons(bits: int) -> tuple[ThrottleReason, ...]:
    """The reasons of NVML's bit mask; bits of newer drivers are `other`."""
    reasons = [reason for bit, reason in REASON_BITS.items() if bits & bit]
    if bits & ~sum(REASON_BITS):
        reasons.append("other")
    return tuple(reasons)
