"""Capacity: sequences, context and GPUs that fit in a given memory, and the memory they need.

The KV cache budget of a GPU is its memory times the utilisation, minus its part of the weights and
what the engine takes besides. Weights are split evenly over the GPUs. The cache is not: GPUs beyond
n_kv_heads hold copies of K/V heads, and every GPU holds all of MLA's latent.

What a sequence takes follows from the rules of an engine (`theory.engines`). Ideal: a layer with a
window keeps min(context, window) tokens. As allocated: every layer reserves slots for the whole
context. An engine usually lies between. Each data-parallel rank has weights of its own.

Activations and runtime are covered by `overhead_bytes` (`theory.overhead` has what engines take) or
else by `utilisation` alone, and shared prefixes save nothing here. Arithmetic is exact, but neither
vendor memory labels nor an engine's overhead are: a deployment that fits on paper may not fit on
the device.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor

from gqa_core.configs import MAX_BATCH_SIZE, MAX_CONTEXT_LEN, ModelConfig, Workload, validate_int
from gqa_core.theory.engines import Allocation, EngineName, EngineOptions, allocate
from gqa_core.theory.engines.base import DEFAULT_OPTIONS
from gqa_core.theory.formats import key_value_formats
from gqa_core.theory.parallelism import Parallelism, gpu_model

__all__ = ["MAX_BYTES", "Deployment"]

MAX_BYTES = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A model on equal GPUs: `n_gpus` tensor parallel, and `dp` ranks of `pp` stages of these.

    `dcp` divides the `n_gpus`; `engine` says what a sequence takes. `memory_bytes` is the memory of
    one GPU, `utilisation` the fraction of it that the engine may take, `weight_bytes` the size of
    the whole model, and `overhead_bytes` what the engine takes of each GPU besides weights and
    cache.

    Raises:
        ValueError: a number is out of bounds, the format is unknown or does not apply to these
            layers, or the engine cannot split the model so.
    """

    memory_bytes: int
    weight_bytes: int
    model: ModelConfig
    kv_format: str
    n_gpus: int = 1
    utilisation: Fraction = Fraction(9, 10)
    overhead_bytes: int = 0
    engine: EngineName = "ideal"
    dp: int = 1
    dcp: int = 1
    pp: int = 1
    engine_options: EngineOptions = DEFAULT_OPTIONS
    parallelism: Parallelism = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes = Parallelism(tp=self.n_gpus, dp=self.dp, dcp=self.dcp, pp=self.pp)
        object.__setattr__(self, "parallelism", sizes)
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
    def world(self) -> int:
        """All GPUs of the deployment."""
        return self.parallelism.world

    @property
    def kv_budget_bytes(self) -> Fraction:
        """Bytes per GPU for the cache; negative if the rest alone exceeds the memory."""
        return (
            self.memory_bytes * self.utilisation - self.weight_bytes_per_gpu - self.overhead_bytes
        )

    @property
    def weight_bytes_per_gpu(self) -> Fraction:
        """Bytes of weights per GPU, split evenly over tensor parallel GPUs and stages."""
        return Fraction(self.weight_bytes, self.n_gpus * self.pp)

    @property
    def model_per_gpu(self) -> ModelConfig:
        """The heads and layers of one GPU, with windows of one dcp rank."""
        return gpu_model(self.model, self.parallelism)

    def allocation(self, context_len: int) -> Allocation:
        """The engine's allocation of one sequence on each GPU, part by part."""
        return allocate(
            self.engine,
            self.model,
            Workload(context_len=context_len),
            self.kv_format,
            parallelism=self.parallelism,
            options=self.engine_options,
        )

    def sequence_bytes(self, context_len: int, *, as_allocated: bool = False) -> int:
        """Bytes that one sequence takes on each GPU that has it.

        `as_allocated` gives every layer slots for the whole context, whatever the engine.
        """
        if as_allocated:
            return replace(self, engine="as-allocated").sequence_bytes(context_len)
        return _sequence_bytes(
            self.engine,
            self.model,
            self.model.family,
            self.kv_format,
            self.parallelism,
            self.engine_options,
            context_len,
        )

    def fits(self, context_len: int, n_users: int, *, as_allocated: bool = False) -> bool:
        """True if the caches of `n_users` sequences of this length fit."""
        n_bytes = self.sequence_bytes(context_len, as_allocated=as_allocated)
        return self.sequences_per_rank(n_users) * n_bytes <= self.kv_budget_bytes

    def sequences_per_rank(self, n_users: int) -> int:
        """The most sequences of n_users that one data-parallel rank has."""
        return self.parallelism.sequences_per_rank(n_users)

    def max_sequences(self, context_len: int, *, as_allocated: bool = False) -> int:
        """The number of sequences of this length that fit; may be 0."""
        n_bytes = self.sequence_bytes(context_len, as_allocated=as_allocated)
        return self.dp * max(0, floor(self.kv_budget_bytes / n_bytes))

    def max_context_len(self, n_users: int, *, as_allocated: bool = False) -> int | None:
        """The longest context, in tokens, that n_users sequences can have at once; may be 0.

        MAX_CONTEXT_LEN means that many or more. None if no context is too long, because no layer
        grows beyond its window and full windows fit.

        Raises:
            ValueError: n_users is out of bounds.
        """
        validate_int("n_users", n_users, MAX_BATCH_SIZE)
        if not as_allocated and self._fits_any_context(n_users):
            return None
        n_sequences = self.sequences_per_rank(n_users)

        def cache_bytes(context_len: int) -> int:
            return n_sequences * self.sequence_bytes(context_len, as_allocated=as_allocated)

        contexts = range(1, MAX_CONTEXT_LEN + 1)
        return bisect_right(contexts, floor(self.kv_budget_bytes), key=cache_bytes)

    def _fits_any_context(self, n_users: int) -> bool:
        """True if no layer grows beyond its window and n_users full windows fit."""
        if any(group.window is None for group in self.model):
            return False
        is_full = self.sequence_bytes(MAX_CONTEXT_LEN // 2) == self.sequence_bytes(MAX_CONTEXT_LEN)
        return is_full and self.fits(MAX_CONTEXT_LEN, n_users)

    def min_gpus(self, context_len: int, n_users: int, *, as_allocated: bool = False) -> int | None:
        """The smallest number of tensor parallel GPUs on which n_users sequences fit.

        The other sizes stay, and n_gpus does not matter. None if no number that splits the heads is
        enough; `with_max_gpus` shows what is missing there.
        """
        for deployment in self.splits():
            if deployment.fits(context_len, n_users, as_allocated=as_allocated):
                return deployment.n_gpus
        return None

    def with_max_gpus(self) -> Deployment:
        """This deployment on the largest number of GPUs that splits the heads."""
        return list(self.splits())[-1]

    def splits(self) -> Iterator[Deployment]:
        """This deployment on each number of tensor parallel GPUs that it can have, ascending."""
        n_heads = min((group.attention.n_heads for group in self.model), default=1)
        for n_gpus in range(1, n_heads + 1):
            if n_heads % n_gpus == 0 and n_gpus % self.dcp == 0:
                try:
                    yield replace(self, n_gpus=n_gpus)
                except ValueError:  # the engine cannot split the model so
                    continue

    def min_memory_bytes(
        self, context_len: int, n_users: int, *, as_allocated: bool = False
    ) -> int:
        """The least memory_bytes per GPU that holds n_users sequences, for these n_gpus.

        This is the whole memory of a GPU, of which `utilisation` may be used.
        """
        n_bytes = self.sequence_bytes(context_len, as_allocated=as_allocated)
        cache = self.sequences_per_rank(n_users) * n_bytes
        return ceil((cache + self.weight_bytes_per_gpu + self.overhead_bytes) / self.utilisation)


@lru_cache(maxsize=2**14)  # the capacity page asks for the same few hundred lengths again and again
def _sequence_bytes(
    engine: EngineName,
    model: ModelConfig,
    family: str,
    kv_format: str,
    parallelism: Parallelism,
    options: EngineOptions,
    context_len: int,
) -> int:
    """Bytes per sequence and GPU; models of two families are equal, so it is an argument."""
    workload = Workload(context_len=context_len)
    allocation = allocate(
        engine, model, workload, kv_format, parallelism=parallelism, options=options
    )
    return allocation.sequence_bytes
