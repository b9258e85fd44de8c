"""Raw samples of a step that several ranks share, and the times of all ranks together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from gqa_core.records.specs.decode import MAX_SAMPLES
from gqa_core.records.validation import MAX_S, validate_count, validate_number, validate_seconds

__all__ = ["ShardedSamples", "slowest_rank"]

COLLECTIVE = ("gather", "reduce")


class ShardedSamples(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of each repeat on one rank: by phase, summed over layers, and of whole steps.

    `gather` collects the queries of a dcp group; `reduce` merges its outputs, and adds up those of
    all ranks after the output projection. A rank that is early waits in them. Attending is repeated
    more often than the rest, by itself.
    """

    project: tuple[float, ...]
    append: tuple[float, ...]
    gather: tuple[float, ...]
    attend: tuple[float, ...]
    output: tuple[float, ...]
    reduce: tuple[float, ...]
    step: tuple[float, ...]

    def validate(self) -> None:
        """Raise ValueError unless the lists have one length, attend at least it, and are times."""
        samples = msgspec.structs.asdict(self)
        for name, values in samples.items():
            validate_count(f"samples_s.{name}", values, range(1, MAX_SAMPLES + 1), "seconds")
            if name in ("attend", "step"):
                validate_seconds(f"samples_s.{name}", values)
            for value in values:
                validate_number(f"samples_s.{name}", value, 0, MAX_S)
        n_samples = len(self.step)
        lengths = {len(values) for name, values in samples.items() if name != "attend"}
        if lengths != {n_samples} or len(self.attend) < n_samples:
            counts = ", ".join(f"{name} {len(values)}" for name, values in samples.items())
            raise ValueError(
                "samples_s must have lists of equal length, that of attend being no shorter: "
                f"got {counts}"
            )


def slowest_rank(ranks: Sequence[ShardedSamples]) -> ShardedSamples:
    """Seconds of each repeat of all ranks together, which began at the same time.

    A step, and each phase in which a rank works by itself, takes as long as on the slowest rank.
    In `gather` and `reduce` the early ranks wait for the last one, which has the least time there:
    that is what they cost.
    """
    fields = ShardedSamples.__struct_fields__
    return ShardedSamples(
        **{
            name: tuple(
                (min if name in COLLECTIVE else max)(seconds)
                for seconds in zip(*(getattr(rank, name) for rank in ranks), strict=False)
            )
            for name in fields
        }
    )
