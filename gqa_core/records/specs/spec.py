"""The interface of every spec: its caches and its memory, before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gqa_core.records.specs.decode import CacheSpec

__all__ = ["Spec"]


class Spec(Protocol):
    """One point of a run: its caches, the memory it takes, and by `str` its name for people."""

    @property
    def cache_specs(self) -> Sequence[CacheSpec]:
        """The caches it allocates, for which kernels are compiled beforehand."""

    @property
    def formula_bytes(self) -> int:
        """Bytes of its caches by the formula."""

    @property
    def required_bytes(self) -> int:
        """Bytes it takes while it runs, everything counted."""
