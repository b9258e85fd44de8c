"""The way in which a device's steps were timed: part of a record, since figures depend on it.

* `clock`: the process's clock around a call that returns when the work is done (CPUs).
* `graph`: the step is captured once in a graph and replayed between two events of the device's
  queue, which is filled before it runs, so that launching is not timed. A step too short for the
  events' resolution is replayed `replays_per_sample` times, each after a flush and between events
  of its own; the sample is their mean. Each phase of each layer is a graph of its own.
* `queued`: the same without graphs: calls are queued one after another, `replays_per_sample` at a
  time between two events, and divided. Nothing is flushed between them, and a device that works off
  its queue faster than it is filled is timed at launching.
"""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from gqa_core.configs import validate_int
from gqa_core.records.validation import MAX_BYTES, validate_option, validate_text

__all__ = ["MAX_REPLAYS", "TIMING_METHODS", "StepTiming", "TimingMethod"]

TimingMethod = Literal["clock", "graph", "queued"]
TIMING_METHODS: tuple[TimingMethod, ...] = get_args(TimingMethod)
MAX_REPLAYS = 1000


class StepTiming(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The method, the replays per sample, and the bytes written to flush the device's last cache.

    `graph_pool_bytes` is the memory that graphs reserve beside the allocator's peak, which is that
    of eager steps. `note` is what else a reader must know, if anything.
    """

    method: TimingMethod
    replays_per_sample: int = 1
    flush_bytes: int = 0
    graph_pool_bytes: int = 0
    note: str | None = None

    def validate(self) -> None:
        """Raise ValueError unless the numbers are ones that this method can have."""
        validate_option("timing.method", self.method, TIMING_METHODS)
        validate_int("timing.replays_per_sample", self.replays_per_sample, MAX_REPLAYS)
        validate_int("timing.flush_bytes", self.flush_bytes, MAX_BYTES, least=0)
        validate_int("timing.graph_pool_bytes", self.graph_pool_bytes, MAX_BYTES, least=0)
        if self.note is not None:
            validate_text("timing.note", self.note)
        if self.method != "graph" and self.graph_pool_bytes:
            raise ValueError(
                f"timing.graph_pool_bytes must be 0 without graphs: got {self.graph_pool_bytes}"
            )
