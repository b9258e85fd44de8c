"""Raw samples of a measured decode step, in seconds."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gqa_core.records.specs.decode import MAX_SAMPLES
from gqa_core.records.validation import validate_count, validate_seconds

__all__ = ["DecodeSamples"]


class DecodeSamples(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of each repeat: by phase, summed over layers, and of whole steps.

    Attending is repeated more often than the rest, also by itself.
    """

    project: tuple[float, ...]
    append: tuple[float, ...]
    attend: tuple[float, ...]
    output: tuple[float, ...]
    step: tuple[float, ...]

    def validate(self) -> int:
        """The number of samples, equal for all but attend, which has at least as many.

        Raises:
            ValueError: they differ, there are none or too many, or one is no time.
        """
        samples = msgspec.structs.asdict(self)
        for name, values in samples.items():
            validate_count(f"samples_s.{name}", values, range(1, MAX_SAMPLES + 1), "seconds")
            validate_seconds(f"samples_s.{name}", values)
        n_samples = len(self.step)
        whole_passes = [values for name, values in samples.items() if name != "attend"]
        if {len(values) for values in whole_passes} != {n_samples} or len(self.attend) < n_samples:
            counts = ", ".join(f"{name} {len(values)}" for name, values in samples.items())
            raise ValueError(
                "samples_s must have lists of equal length, that of attend being no shorter: "
                f"got {counts}"
            )
        return n_samples
