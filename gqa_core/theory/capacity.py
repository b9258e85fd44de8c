"""Capacity: sequences, context and GPUs that fit in a given memory, and the memory they need.

The KV cache budget of a GPU is its memory times the utilisation, minus its part of the weights and
what the engine takes besides. Weights are split evenly over the GPUs. The cache is not: GPUs beyond
n_kv_heads hold copies of K/V heads, and every GPU holds all of MLA's latent.

Layers with a window have two sizes. Ideal: such a layer keeps min(context, window) tokens. As
allocated: every layer reserves slots for the whole context. An engine usually lies between.

Activations and runtime are covered by `overhead_bytes` (`theory.overhead` has what engines take) or
else by `utilisation` alone, and shared prefixes save nothing here. Arithmetic is exact, but neither
vendor memory labels nor an engine's overhead are: a deployment that fits on paper may not fit on
the device.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from gqa_core.configs import MAX_BATCH_SIZE, MAX_CONTEXT_LEN, ModelConfig, Workload, validate_int
from gqa_core.theory.formats import key_value_formats
from gqa_core.theory.parts import total_bytes, total_bytes_as_allocated
from gqa_core.theory.sharding import shard_model, valid_tp_sizes

__all__ = ["MAX_BYTES", "Deployment"]

MAX_BYTES = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One copy of a model on `n_gpus` equal GPUs, tensor parallel.

    `memory_bytes` is the memory of one GPU, `utilisation` the fraction of it that the engine may
    take, `weight_bytes` the size of the whole model, and `overhead_bytes` what the engine takes of
    each GPU besides weights and cache.

    Raises:
        ValueError: a number is out of bounds, the format is unknown or does not apply to these
            layers, or n_gpus cannot split the heads.
    """

    memory_bytes: int
    weight_bytes: int
    model: ModelConfig
    kv_format: str
    n_gpus: int = 1
    utilisation: Fraction = Fraction(9, 10)
    overhead_bytes: int = 0

    def __post_init__(self) -> None:
        validate_int("memory_bytes", self.memory_bytes, MAX_BYTES)
        validate_int("weight_bytes", self.weight_bytes, MAX_BYTES, least=0)
        validate_int("overhead_bytes", self.overhead_bytes, MAX_BYTES, least=0)
        if not isinstance(self.utilisation, Fraction) or not 0 < self.utilisation <= 1:
            raise ValueError(
                f"utilisation must be a Fraction above 0 and up to 1: got {self.utilisation!r}"
            )
        key_value_formats(self.kv_format)
        self.sequence_bytes(1)

    @property
    def kv_budget_bytes(self) -> Fraction:
        """Bytes per GPU for the cache; negative if the rest alone exceeds the memory."""
        return (
            self.memory_bytes * self.utilisation - self.weight_bytes_per_gpu - self.overhead_bytes
        )

    @property
    def weight_bytes_per_gpu(self) -> Fraction:
        """Bytes of weights per GPU, split evenly."""
        return Fraction(self.weight_bytes, self.n_gpus)

    @property
    def model_per_gpu(self) -> ModelConfig:
        """The model with the heads of one GPU."""
        return shard_model(self.model, self.n_gpus)

    def sequence_bytes(self, context_len: int, *, as_allocated: bool = False) -> int:
        """Bytes of all that one sequence keeps on each GPU."""
        count = total_bytes_as_allocated if as_allocated else total_bytes
        return count(self.model_per_gpu, Workload(context_len=context_len), self.kv_format)

    def fits(self, context_len: int, n_users: int, *, as_allocated: bool = False) -> bool:
        """True if the caches of `n_users` sequences of this length fit."""
        n_bytes = self.sequence_bytes(context_len, as_allocated=as_allocated)
        return n_users * n_bytes <= self.kv_budget_bytes

    def max_sequences(self, context_len: int, *, as_allocated: bool = False) -> int:
        """The number of sequences of this length that fit; may be 0."""
        n_bytes = self.sequence_bytes(context_len, as_allocated=as_allocated)
        return max(0, floor(self.kv_budget_bytes / n_bytes))

    def max_context_len(self, n_users: int, *, as_allocated: bool = False) -> int | None:
        """The longest context, in tokens, that n_users sequences can have at once; may be 0.

        MAX_CONTEXT_LEN means that many or more. None if no context is too long, because every layer
        has a window and full windows fit.

        Raises:
            ValueError: n_users is out of bounds.
        """
        validate_int("n_users", n_users, MAX_BATCH_SIZE)
        if not as_allocated and self._fits_any_context(n_users):
            return None

        def cache_bytes(context_len: int) -> int:
            return n_users * self.sequence_bytes(context_len, as_allocated=as_allocated)

        contexts = range(1, MAX_CONTEXT_LEN + 1)
        return bisect_right(contexts, floor(self.kv_budget_bytes), key=cache_bytes)

    def _fits_any_context(self, n_users: int) -> bool:
        """True if every caching layer has a window and n_users full windows fit."""
        windows = [group.window for group in self.model.layer_groups]
        widest = max((window for window in windows if window is not None), default=0)
        return None not in windows and self.fits(max(1, widest), n_users)

    def min_gpus(self, context_len: int, n_users: int, *, as_allocated: bool = False) -> int | None:
        """The smallest number of GPUs on which n_users sequences fit, whatever n_gpus is.

        None if they fit on no number of GPUs that splits the heads; `with_max_gpus` shows what is
        missing there.
        """
        for n_gpus in valid_tp_sizes(self.model):
            if replace(self, n_gpus=n_gpus).fits(context_len, n_users, as_allocated=as_allocated):
                return n_gpus
        return None

    def with_max_gpus(self) -> Deployment:
        """This deployment on the largest number of GPUs that splits the heads."""
        return replace(self, n_gpus=valid_tp_sizes(self.model)[-1])

    def min_memory_bytes(
        self, context_len: int, n_users: int, *, as_allocated: bool = False
    ) -> int:
        """The least memory_bytes per GPU that holds n_users sequences, for these n_gpus.

        This is the whole memory of a GPU, of which `utilisation` may be used.
        """
        cache = n_users * self.sequence_bytes(context_len, as_allocated=as_allocated)
        return ceil((cache + self.weight_bytes_per_gpu + self.overhead_bytes) / self.utilisation)
