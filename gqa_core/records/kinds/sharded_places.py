"""Devices with their backend and clock, and machines, on which the ranks of a step can have run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from gqa_core.configs import validate_int
from gqa_core.records.header import Device
from gqa_core.records.step_timing import TIMING_METHODS, StepTiming
from gqa_core.records.validation import validate_equal, validate_option

__all__ = ["BACKENDS", "Backend", "validate_places"]

Backend = Literal["gloo", "nccl"]
BACKENDS: Mapping[str, Backend] = MappingProxyType({"cpu": "gloo", "cuda": "nccl"})


def validate_places(
    device: Device,
    backend: Backend,
    timing: StepTiming,
    rank_devices: Sequence[Device],
    nodes: Sequence[int],
) -> None:
    """Raise ValueError unless ranks on these devices and machines can have run together.

    `device` is that of rank 0. torchrun numbers the ranks of one machine after those of another.
    """
    validate_option("device.type", device.type, BACKENDS)
    validate_equal("backend", backend, BACKENDS[device.type])
    validate_equal("device", device, rank_devices[0])
    for other in rank_devices:
        validate_equal("ranks.device.type", other.type, device.type)
    methods = [method for method in TIMING_METHODS if (method == "clock") == (device.type == "cpu")]
    validate_option("timing.method", timing.method, methods)
    validate_equal("ranks.node", nodes[0], 0)
    for node, following in pairwise(nodes):
        validate_int("ranks.node", following, node + 1, least=node)
