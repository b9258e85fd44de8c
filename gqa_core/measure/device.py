"""The device measurements run on: an accelerator where torch finds one, else the CPU."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from gqa_core.configs import DEVICE_NAMES
from gqa_core.measure import memory


def find_device(asked: str = "auto") -> torch.device:
    """The device to run on: `auto` takes the accelerator if there is one, `cpu` never does.

    Raises:
        ValueError: another name.
    """
    if asked not in DEVICE_NAMES:
        raise ValueError(f"device must be one of {', '.join(DEVICE_NAMES)}: got {asked!r}")
    if asked == "auto" and torch.accelerator.is_available():
        return torch.accelerator.current_accelerator()
    return torch.device("cpu")


def describe(device: torch.device) -> dict[str, object]:
    """Its type, its name as the vendor gives it, and the CPU threads torch uses."""
    if device.type == "cpu":
        name = _cpu_name()
    else:
        module = torch.get_device_module(device)
        name = getattr(module, "get_device_name", lambda: device.type.upper())()
    return {"type": device.type, "name": name, "n_threads": torch.get_num_threads()}


def free_bytes(device: torch.device) -> int:
    """Bytes a run could still take on this device; Apple's GPU shares the machine's."""
    if device.type in ("cpu", "mps"):
        return memory.available_bytes()
    return torch.accelerator.get_memory_info(device)[0]


def survey(asked: str = "auto") -> dict[str, object]:
    """Everything `python -m gqa_core device` tells: device, torch version, free bytes.

    Raises:
        ValueError: as `find_device`.
    """
    device = find_device(asked)
    return describe(device) | {
        "torch_version": torch.__version__,
        "free_bytes": free_bytes(device),
    }


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
