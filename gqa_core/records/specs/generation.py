"""The points behind the page "Why a cache": both modes of generating, then the three policies."""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core.configs import GroupedConfig, KernelName
from gqa_core.records.specs.generate import PLAIN_KERNEL, GenerateSpec, Mode
from gqa_core.records.specs.growth import BLOCK_LEN, POLICIES, GrowthSpec
from gqa_core.theory.formats import DtypeName

__all__ = ["generation_specs"]


def generation_specs(
    *,
    attention: GroupedConfig,
    context_lens: Sequence[int],
    cached_context_lens: Sequence[int] = (),
    dtype: DtypeName = "float32",
    n_layers: int = 2,
    kernel: KernelName = PLAIN_KERNEL,
    block_len: int = BLOCK_LEN,
    n_samples: int = 9,
) -> list[GenerateSpec | GrowthSpec]:
    """One spec per mode, then one per policy.

    With the cache, generation and growth go on to `cached_context_lens`: a step is so short there
    that only longer contexts rise above the fixed cost of a call.

    Raises:
        ValueError: as `GenerateSpec` and `GrowthSpec`, or a length of the second kind is not above
            all of the first.
    """
    if cached_context_lens and context_lens and min(cached_context_lens) <= max(context_lens):
        raise ValueError(
            f"cached_context_len must be above the last context_len, {max(context_lens)}: "
            f"got {min(cached_context_lens)}"
        )
    short, long = tuple(context_lens), (*context_lens, *cached_context_lens)

    def generate(mode: Mode, lengths: tuple[int, ...]) -> GenerateSpec:
        return GenerateSpec(
            mode=mode,
            attention=attention,
            context_lens=lengths,
            dtype=dtype,
            n_layers=n_layers,
            n_samples=n_samples,
            kernel=kernel,
        )

    growths = [
        GrowthSpec(
            policy=policy,
            attention=attention,
            context_lens=long,
            dtype=dtype,
            n_layers=n_layers,
            n_samples=n_samples,
            block_len=block_len,
        )
        for policy in POLICIES
    ]
    return [generate("cached", long), generate("recomputed", short), *growths]
