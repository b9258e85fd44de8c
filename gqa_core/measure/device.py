"""The device that measurements run on: an accelerator where torch has one, else the CPU."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from gqa_core.measure import memory
from gqa_core.records.header import Device, DeviceInfo
from gqa_core.records.specs.decode import DEVICE_NAMES

__all__ = ["describe", "device_info", "find_device", "free_bytes"]


def find_device(name: str = "auto") -> torch.device:
    """The device to run on: `auto` takes the accelerator if there is one, `cpu` never does.

    Raises:
        ValueError: the name is another.
    """
    if name not in DEVICE_NAMES:
        raise ValueError(f"device must be one of {', '.join(DEVICE_NAMES)}: got {name!r}")
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator if name == "auto" and accelerator else torch.device("cpu")


def describe(device: torch.device) -> Device:
    """The device as records describe it."""
    if device.type == "cpu":
        name = _cpu_name()
    else:
        module = torch.get_device_module(device)
        name = getattr(module, "get_device_name", lambda: device.type.upper())()
    return Device(type=device.type, name=name, n_threads=torch.get_num_threads())


def free_bytes(device: torch.device) -> int:
    """Bytes that a run could take on this device; Apple's GPUs share the machine's memory."""
    if device.type in ("cpu", "mps"):
        return memory.available_bytes()
    return torch.accelerator.get_memory_info(device)[0]


def device_info(name: str = "auto") -> DeviceInfo:
    """The device, its free memory and the torch version, as `gqa_core device` prints them.

    Raises:
        ValueError: as `find_device`.
    """
    device = find_device(name)
    description = describe(device)
    return DeviceInfo(
        type=description.type,
        name=description.name,
        n_threads=description.n_threads,
        torch_version=str(torch.__version__),
        free_bytes=free_bytes(device),
    )


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
