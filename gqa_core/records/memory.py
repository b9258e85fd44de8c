"""The memory of a measurement: what the formula says, what tensors take, what the process took."""

from __future__ import annotations

from msgspec import Struct

from gqa_core.configs import validate_int
from gqa_core.records.validation import MAX_BYTES, validate_equal

__all__ = ["PEAK_WARNING", "Memory", "MemoryPeaks"]

PEAK_WARNING = "process peak: cannot be reset on this system, includes set-up"


class MemoryPeaks(Struct, frozen=True, kw_only=True):
    """Most bytes that a process and an accelerator's allocator took, and the process's baseline."""

    allocator_peak_bytes: int | None
    process_peak_bytes: int
    baseline_bytes: int


class Memory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bytes of the caches of all measured layers, and of the process around them.

    `tensor_bytes` is the storage of all cache tensors, without the slots that a kernel's layout
    adds: those are `padding_bytes`. The process's peak and baseline are absolute; the allocator's
    peak is above an accelerator allocator's own baseline, and null on a CPU.
    """

    formula_bytes: int
    tensor_bytes: int
    padding_bytes: int
    allocator_peak_bytes: int | None
    process_peak_bytes: int
    baseline_bytes: int

    @classmethod
    def from_peaks(
        cls, formula_bytes: int, tensor_bytes: int, padding_bytes: int, peaks: MemoryPeaks
    ) -> Memory:
        """The memory of caches of these bytes, in a process of these peaks."""
        return cls(
            formula_bytes=formula_bytes,
            tensor_bytes=tensor_bytes,
            padding_bytes=padding_bytes,
            allocator_peak_bytes=peaks.allocator_peak_bytes,
            process_peak_bytes=peaks.process_peak_bytes,
            baseline_bytes=peaks.baseline_bytes,
        )

    @property
    def peak_bytes(self) -> int:
        """Most bytes taken above the baseline: by the allocator, or on a CPU by the process."""
        if self.allocator_peak_bytes is not None:
            return self.allocator_peak_bytes
        return self.process_peak_bytes - self.baseline_bytes

    def validate(self, formula_bytes: int, tensor_bytes: int, device_type: str) -> None:
        """Raise ValueError unless the caches take these bytes and the others can be true."""
        validate_equal("memory.formula_bytes", self.formula_bytes, formula_bytes)
        validate_equal("memory.tensor_bytes", self.tensor_bytes, tensor_bytes)
        if device_type == "cpu":
            validate_equal("memory.allocator_peak_bytes", self.allocator_peak_bytes, None)
        else:
            validate_int("memory.allocator_peak_bytes", self.allocator_peak_bytes, MAX_BYTES, 0)
        for name in ("padding_bytes", "process_peak_bytes", "baseline_bytes"):
            validate_int(f"memory.{name}", getattr(self, name), MAX_BYTES, least=0)
