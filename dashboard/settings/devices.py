"""The device that a page measures on, as arguments of a command line."""

from __future__ import annotations

from gqa_core.records.device_names import DEFAULT_DEVICE

__all__ = ["device_arguments"]


def device_arguments(name: str) -> tuple[str, ...]:
    """The arguments of `python -m gqa_core` that request a device; none for the default."""
    return () if name == DEFAULT_DEVICE else ("--device", name)
