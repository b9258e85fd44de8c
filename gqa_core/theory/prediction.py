"""How long a decode step takes on a device that was probed: the roofline, and what lies over it.

Attending reads the cache once and computes on it meanwhile, so it takes at least the longer of
bytes / read bandwidth and FLOP / matmul rate: the bound. What launching costs, the floor, comes on
top: it is the attend time of a cache of one token. A whole step also reads every projection matrix
once, or computes with it where the batch is large, and writes the new token into the cache.

Not counted: norm, RoPE, residual, and the time between calls.
Source: Williams, Waterman, Patterson, "Roofline" (doi 10.1145/1498765.1498785), for the bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import ModelConfig, Workload
from gqa_core.theory.cost import decode_flops, projection_flops, projection_parameters
from gqa_core.theory.formats import number_format
from gqa_core.theory.memory import kv_bytes_per_token, kv_read_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What a run probed of its device: two rates, and the attend time of one cached token.

    A rate of None was not probed; the bound is then that of the bytes alone.
    """

    read_bandwidth_bytes_per_s: float
    matmul_flops_per_s: float | None = None
    attend_overhead_s: float = 0.0

    def bound_s(self, n_bytes: float, flops: float) -> float:
        """Seconds that reading so many bytes and computing so many FLOP take at least."""
        reading = n_bytes / self.read_bandwidth_bytes_per_s
        if self.matmul_flops_per_s is None:
            return reading
        return max(reading, flops / self.matmul_flops_per_s)


def predicted_attend_s(
    cached: ModelConfig, workload: Workload, kv_format: str, probes: Probes
) -> float:
    """Seconds of attending in one step, all layers: floor + max(bytes / bandwidth, FLOP / rate).

    `cached` are the layers as they are cached: for naive MLA the expanded ones.

    Raises:
        ValueError: the format is not known.
    """
    n_bytes = kv_read_bytes(cached, workload, kv_format)
    return probes.attend_overhead_s + probes.bound_s(n_bytes, decode_flops(cached, workload))


def predicted_step_s(
    model: ModelConfig, cached: ModelConfig, workload: Workload, kv_format: str, probes: Probes
) -> float:
    """Seconds of one step: attending, the projections of `model`, and appending to the cache.

    Raises:
        ValueError: the format is not known.
    """
    stored = number_format(kv_format)
    weights = sum(
        run.n_layers * stored.row_bytes(projection_parameters(run.attention)) for run in model
    )
    appended = workload.batch_size * kv_bytes_per_token(cached, kv_format)
    return (
        predicted_attend_s(cached, workload, kv_format, probes)
        + probes.bound_s(weights, projection_flops(model, workload))
        + appended / probes.read_bandwidth_bytes_per_s
    )
