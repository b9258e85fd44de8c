"""Predicted time of a decode step on a probed device: the roofline bound plus a fixed overhead.

Attention reads the cache once while it computes, so it takes at least the larger of
bytes / read bandwidth and FLOP / arithmetic rate: the bound. The overhead of launching comes on
top; it is measured as the attend time of a cache of one token. A whole step also reads every
projection matrix once, or is limited by computing with it if the batch is large, and appends the
new token.

Not counted: norm, RoPE, residual, and the time between calls.
Source: Williams, Waterman, Patterson, "Roofline" (doi 10.1145/1498765.1498785), for the bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import ModelConfig, Workload
from gqa_core.theory.cost import decode_flops, projection_flops, projection_parameters
from gqa_core.theory.formats import number_format
from gqa_core.theory.memory import kv_bytes_per_token, kv_read_bytes

__all__ = ["Probes", "predicted_attend_s", "predicted_step_s"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Probe results of a run: two rates of its device, and the attend time of one cached token.

    Without an arithmetic rate (None) the bound is that of the bytes alone.
    """

    read_bandwidth_bytes_per_s: float
    arithmetic_flops_per_s: float | None = None
    attend_overhead_s: float = 0.0

    def bound_s(self, n_bytes: float, flops: float) -> float:
        """The least seconds for reading `n_bytes` while computing `flops`."""
        read_s = n_bytes / self.read_bandwidth_bytes_per_s
        if self.arithmetic_flops_per_s is None:
            return read_s
        return max(read_s, flops / self.arithmetic_flops_per_s)


def predicted_attend_s(
    cached: ModelConfig, workload: Workload, kv_format: str, probes: Probes
) -> float:
    """Seconds of attention in one step, all layers: overhead + max(bytes / bandwidth, FLOP / rate).

    `cached` has the layers as they are cached: expanded ones for naive MLA.

    Raises:
        ValueError: the format is unknown.
    """
    n_bytes = kv_read_bytes(cached, workload, kv_format)
    return probes.attend_overhead_s + probes.bound_s(n_bytes, decode_flops(cached, workload))


def predicted_step_s(
    model: ModelConfig,
    cached: ModelConfig,
    workload: Workload,
    kv_format: str,
    probes: Probes,
    *,
    weight_format: str | None = None,
) -> float:
    """Seconds of one step: attention, the projections of `model`, and the append to the cache.

    Without a `weight_format` the weights have the format of the cache.

    Raises:
        ValueError: the format is unknown.
    """
    weights = number_format(weight_format or kv_format)
    weight_bytes = sum(
        group.n_layers * weights.row_bytes(projection_parameters(group.attention))
        for group in model
    )
    appended_bytes = workload.batch_size * kv_bytes_per_token(cached, kv_format)
    return (
        predicted_attend_s(cached, workload, kv_format, probes)
        + probes.bound_s(weight_bytes, projection_flops(model, workload))
        + appended_bytes / probes.read_bandwidth_bytes_per_s
    )
