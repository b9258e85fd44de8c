"""What fits: sequences, context and GPUs for a given memory, and the memory for given ones.

A GPU's memory times the share an engine may use, less its part of the weights, is room for the
cache. Weights are taken as split evenly over the GPUs. What each GPU caches of a sequence is not:
GPUs beyond n_kv_heads keep copies, and MLA's latent is whole on every one of them.

Layers with a window make every answer a pair. Ideal: such a layer keeps min(context, window)
tokens. As allocated: every layer has slots for the whole context. An engine lies between.

Counted: weights and cache. Not counted but by the utilisation: activations, the runtime, page
padding; shared prefixes save nothing here. All arithmetic is exact, but the memory on a vendor's
label is not what a program gets, so no answer is: a fit on paper can be a miss on the device.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from gqa_core.configs import (
    MAX_BATCH_SIZE,
    MAX_CONTEXT_LEN,
    ModelConfig,
    Workload,
    validate_int,
)
from gqa_core.theory.formats import number_format
from gqa_core.theory.memory import kv_cache_bytes, kv_cache_bytes_as_allocated
from gqa_core.theory.sharding import shard_model, valid_tp_sizes

MAX_BYTES = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One copy of a model on `n_gpus` alike, tensor parallel.

    `memory_bytes` is that of one GPU, `utilisation` the share of it that weights and cache may
    take, `weight_bytes` those of the whole model.

    Raises:
        ValueError: a number out of bounds, an unknown format, one that is not for these layers, or
            n_gpus cannot split the heads.
    """

    memory_bytes: int
    weight_bytes: int
    model: ModelConfig
    kv_format: str
    n_gpus: int = 1
    utilisation: Fraction = Fraction(9, 10)

    def __post_init__(self) -> None:
        validate_int("memory_bytes", self.memory_bytes, MAX_BYTES)
        validate_int("weight_bytes", self.weight_bytes, MAX_BYTES, least=0)
        if not isinstance(self.utilisation, Fraction) or not 0 < self.utilisation <= 1:
            raise ValueError(
                f"utilisation must be a Fraction above 0 and up to 1: got {self.utilisation!r}"
            )
        number_format(self.kv_format)
        self.sequence_bytes(1)

    @property
    def kv_budget_bytes(self) -> Fraction:
        """Bytes on each GPU for the cache; negative where the weights alone are too many."""
        return self.memory_bytes * self.utilisation - self.weight_bytes_per_gpu

    @property
    def weight_bytes_per_gpu(self) -> Fraction:
        """Bytes of weights on each GPU, split evenly."""
        return Fraction(self.weight_bytes, self.n_gpus)

    @property
    def model_per_gpu(self) -> ModelConfig:
        """The model as one GPU caches it."""
        return shard_model(self.model, self.n_gpus)

    def sequence_bytes(self, context_len: int, *, as_allocated: bool = False) -> int:
        """Bytes that one sequence takes on each GPU."""
        count = kv_cache_bytes_as_allocated if as_allocated else kv_cache_bytes
        return count(self.model_per_gpu, Workload(context_len=context_len), self.kv_format)

    def fits(self, context_len: int, n_users: int, *, as_allocated: bool = False) -> bool:
        """Whether so many sequences of this length have room."""
        one = self.sequence_bytes(context_len, as_allocated=as_allocated)
        return n_users * one <= self.kv_budget_bytes

    def max_sequences(self, context_len: int, *, as_allocated: bool = False) -> int:
        """How many sequences of this length have room, 0 where not one does."""
        one = self.sequence_bytes(context_len, as_allocated=as_allocated)
        return max(0, floor(self.kv_budget_bytes / one))

    def max_context_len(self, n_users: int, *, as_allocated: bool = False) -> int | None:
        """Tokens that each of n_users sequences can have, 0 where not one fits.

        At most MAX_CONTEXT_LEN, which then means "so many or more"; None where no context is too
        long, since every layer has a window and full windows have room.

        Raises:
            ValueError: n_users is out of bounds.
        """
        validate_int("n_users", n_users, MAX_BATCH_SIZE)
        windows = [run.window for run in self.model]
        if not as_allocated and None not in windows and self.fits(max(windows), n_users):
            return None
        return bisect_right(
            range(1, MAX_CONTEXT_LEN + 1),
            self.kv_budget_bytes / n_users,
            key=lambda context_len: self.sequence_bytes(context_len, as_allocated=as_allocated),
        )

    def min_gpus(self, context_len: int, n_users: int, *, as_allocated: bool = False) -> int | None:
        """The fewest of these GPUs on which so many sequences have room, whatever n_gpus is.

        None where they have none on any number of GPUs that splits the heads; `with_max_gpus` tells
        what is missing there.
        """
        for n_gpus in valid_tp_sizes(self.model):
            if replace(self, n_gpus=n_gpus).fits(context_len, n_users, as_allocated=as_allocated):
                return n_gpus
        return None

    def with_max_gpus(self) -> Deployment:
        """The same on as many GPUs as can split the heads: a GPU's part is never smaller."""
        return replace(self, n_gpus=valid_tp_sizes(self.model)[-1])

    def min_memory_bytes(
        self, context_len: int, n_users: int, *, as_allocated: bool = False
    ) -> int:
        """Bytes of memory that each of the n_gpus must have for so many sequences.

        The whole memory of a GPU, of which the utilisation may be used; n_gpus times this in all.
        """
        cache = n_users * self.sequence_bytes(context_len, as_allocated=as_allocated)
        return ceil((cache + self.weight_bytes_per_gpu) / self.utilisation)
