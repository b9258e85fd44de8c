"""The base of preallocated caches: slots in order, rewinding, bytes, random contents.

Memory for all slots is allocated once, and a new token is written into the next free slot: growing
by concatenation would copy the whole cache at each step and hold two copies while it does. Slots
past the length are never read, whatever they hold. No gradient flows into a cache.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gqa_core.configs import MAX_BATCH_SIZE, MAX_CONTEXT_LEN, QuantisedFormat, validate_int
from gqa_core.engine.kernels.plan import KernelPlan
from gqa_core.engine.validation import AppendSpec

__all__ = ["BaseCache", "validate_slots"]

CACHE_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


class BaseCache(ABC):
    """Storage of `capacity` token slots, of which the first `length` are filled.

    `kv_format` is the format of a quantised cache; None where vectors are stored as they come.
    """

    kv_format: QuantisedFormat | None = None

    def __init__(self, spec: AppendSpec, plan: KernelPlan, capacity: int, *storage: Tensor) -> None:
        self.plan = plan
        self.capacity = capacity
        self.length = 0
        self._spec = spec
        self._storage = storage

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of what is cached."""
        return self._spec.dtype

    @property
    def device(self) -> torch.device:
        """The device that holds the storage."""
        return self._spec.device

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of the slots; views of the same storage count once."""
        elements = math.prod(self._spec.leading) * self.capacity * sum(self._spec.widths)
        return elements * self.dtype.itemsize

    @property
    def padding_bytes(self) -> int:
        """Storage bytes beyond the slots: pages and vectors are rounded up."""
        allocated = sum(tensor.untyped_storage().nbytes() for tensor in self._storage)
        return allocated - self.tensor_bytes

    @property
    @abstractmethod
    def keys(self) -> Tensor:
        """K of the filled slots, (b, k, s, d)."""

    @property
    @abstractmethod
    def values(self) -> Tensor:
        """V of the filled slots, (b, k, s, v), a view."""

    def rewind(self, length: int) -> None:
        """Drop all but the first `length` tokens; the next append overwrites the rest.

        Raises:
            ValueError: `length` is no whole number, negative, or more than the cache holds.
        """
        validate_int("length", length, self.length, least=0)
        self.length = length

    def fill_random(self, generator: torch.Generator | None = None) -> None:
        """Fill every slot with standard normal values, as if a prompt had been processed.

        Raises:
            ValueError: the generator is of another device than the cache.
        """
        if generator is not None and generator.device.type != self.device.type:
            raise ValueError(f"generator must be on {self.device}: got {generator.device}")
        self._fill_slots(generator)
        self.length = self.capacity

    def _fill_slots(self, generator: torch.Generator | None) -> None:
        """Write standard normal values into every slot."""
        for tensor in self._storage:
            tensor.normal_(generator=generator)

    def _next_slots(self, first: Tensor, second: Tensor) -> tuple[int, int]:
        """(start, end) of the slots for the tokens of two tensors, which are validated first."""
        n_tokens = self._spec.n_tokens(first, second)
        n_free = self.capacity - self.length
        if n_tokens > n_free:
            raise ValueError(
                f"the cache has {n_free} of {self.capacity} slots free: got {n_tokens} more tokens"
            )
        return self.length, self.length + n_tokens


def validate_slots(batch_size: int, capacity: int, dtype: torch.dtype) -> None:
    """Raise ValueError unless a cache can have this batch size, capacity and dtype."""
    validate_int("batch_size", batch_size, MAX_BATCH_SIZE)
    validate_int("capacity", capacity, MAX_CONTEXT_LEN)
    if dtype not in CACHE_DTYPES:
        names = ", ".join(str(known).removeprefix("torch.") for known in CACHE_DTYPES)
        raise ValueError(f"dtype must be one of {names}: got {str(dtype).removeprefix('torch.')}")
