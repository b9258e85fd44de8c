"""Names of devices that a run may request: the ones torch gives them, and `auto`.

AMD's GPUs are torch's `cuda` too: its ROCm builds name them so.
"""

from __future__ import annotations

import re

__all__ = ["DEFAULT_DEVICE", "DEVICE_SYNTAX", "validate_device_name"]

DEFAULT_DEVICE = "auto"  # an accelerator if there is one, else the CPU
DEVICE_SYNTAX = "auto|cpu|cuda[:N]|mps"
DEVICE_NAME = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]{0,2}))?", re.ASCII)
MAX_QUOTED = 40  # characters


def validate_device_name(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: no device can have this name, on whatever machine.
    """
    if not DEVICE_NAME.fullmatch(name):
        raise ValueError(
            f"device must be auto, cpu, cuda, cuda:N or mps: got {name[:MAX_QUOTED]!a}"
        )
    return name
