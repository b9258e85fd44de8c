"""The device that measurements run on: an accelerator where torch has one, else the CPU."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from gqa_core.measure import memory
from gqa_core.records.device_names import DEFAULT_DEVICE, validate_device_name
from gqa_core.records.header import Device, DeviceInfo, own_machine

__all__ = [
    "describe",
    "device_info",
    "find_device",
    "free_bytes",
    "requestable_names",
    "use_device",
]

TIMING_BYTES = 2**31  # of a GPU: the buffers of probe and flush, graphs, libraries


def find_device(name: str = DEFAULT_DEVICE) -> torch.device:
    """The device of this name; `auto` takes the accelerator if there is one.

    Raises:
        ValueError: no device can have this name, or this machine or build of torch has none.
    """
    validate_device_name(name)
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return accelerator or torch.device("cpu")
    device = torch.device(name)
    if device.type == "cpu":
        return device
    if accelerator is None or accelerator.type != device.type:
        available = f"cpu, {accelerator.type}" if accelerator else "cpu"
        raise ValueError(
            f"device must be one that torch {torch.__version__} can use here ({available}): "
            f"got {name!r}"
        )
    n_devices = torch.accelerator.device_count()
    if (device.index or 0) >= n_devices:
        highest = f"{device.type}:{n_devices - 1}"
        raise ValueError(f"device must be at most {highest}, the last one here: got {name!r}")
    return device


def use_device(name: str = DEFAULT_DEVICE) -> torch.device:
    """The device of this name, made the current one: some kernels launch on no other.

    Raises:
        ValueError: as `find_device`.
    """
    device = find_device(name)
    if device.index is not None and device.type != "cpu":
        torch.accelerator.set_device_index(device)
    return device


def describe(device: torch.device) -> Device:
    """The device as records describe it."""
    if device.type == "cpu":
        name = _cpu_name()
    else:
        module = torch.get_device_module(device)
        get_name = getattr(module, "get_device_name", None)
        name = get_name(device) if get_name else device.type.upper()
    return Device(
        type=device.type, name=name, n_threads=torch.get_num_threads(), machine=own_machine()
    )


def free_bytes(device: torch.device) -> int:
    """Bytes that a run could take on this device, on a shared GPU those that nobody else has taken.

    Apple's GPUs share the machine's memory, and Metal recommends how much of it to use at most.
    """
    if device.type == "cpu":
        return memory.available_bytes()
    if device.type == "mps":
        left = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        return max(min(memory.available_bytes(), left), 0)
    return torch.accelerator.get_memory_info(device)[0]


def device_info(name: str = DEFAULT_DEVICE) -> DeviceInfo:
    """The device, the memory that a run could take, and the torch version, as `device` prints them.

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
        free_bytes=max(free_bytes(device) - _timing_bytes(device), 0),
        requestable=requestable_names(),
        bandwidth_bytes_per_s=_bandwidth_bytes_per_s(device),
        machine=description.machine,
    )


def requestable_names() -> tuple[str, ...]:
    """The names of this machine's devices, accelerators first."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return ("cpu",)
    kind, n_devices = accelerator.type, torch.accelerator.device_count()
    if kind == "cuda" and n_devices > 1:
        return (*(f"{kind}:{index}" for index in range(n_devices)), "cpu")
    return (kind, "cpu") if kind in ("cuda", "mps") else ("cpu",)


def _timing_bytes(device: torch.device) -> int:
    """Bytes that timing itself takes on a GPU, whatever a run allocates."""
    return 0 if device.type == "cpu" else TIMING_BYTES


def _bandwidth_bytes_per_s(device: torch.device) -> float | None:
    """Bytes per second by a GPU's memory clock and bus width, two transfers per clock."""
    if device.type != "cuda":
        return None
    properties = torch.cuda.get_device_properties(device)
    clock_khz = getattr(properties, "memory_clock_rate", 0)
    width_bits = getattr(properties, "memory_bus_width", 0)
    return 2e3 * clock_khz * width_bits / 8 or None


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
