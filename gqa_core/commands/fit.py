"""fit: the most sequences, or the longest context, that a memory budget holds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, cast

import click

from gqa_core.commands.deployment_options import (
    EngineChoice,
    ParallelOptions,
    engine_options,
    parallel_options,
)
from gqa_core.commands.fit_text import FitReport, fit_json, fit_text
from gqa_core.commands.model_options import (
    LayerOptions,
    ModelInput,
    config_argument,
    layer_options,
    mtp_option,
    read_model,
)
from gqa_core.commands.options import (
    flags,
    int_option,
    json_option,
    kv_format_option,
    options_object,
)
from gqa_core.commands.quantities import ByteSize, Share
from gqa_core.configs import MAX_BATCH_SIZE, MAX_CONTEXT_LEN

if TYPE_CHECKING:
    from gqa_core.theory.capacity import Deployment
    from gqa_core.theory.engines import EngineName


@dataclass(frozen=True, kw_only=True)
class MemoryOptions:
    """The memory of a GPU and what else it holds, or the memory that is left for the cache.

    Sizes are bytes; None stands for an option that was not given.

    Raises:
        ValueError: neither or both of `memory` and `kv_memory` are given, or `kv_memory` with what
            belongs to `memory`.
    """

    memory: Fraction | None
    weights: Fraction | None
    utilisation: Fraction | None
    overhead: Fraction | None
    kv_memory: Fraction | None

    def __post_init__(self) -> None:
        if (self.memory is None) == (self.kv_memory is None):
            got = "neither" if self.memory is None else "both"
            raise ValueError(f"a budget is given by --memory or by --kv-memory: got {got}")
        names = [
            name
            for name in ("weights", "utilisation", "overhead")
            if getattr(self, name) is not None
        ]
        if self.kv_memory is not None and names:
            raise ValueError(f"--kv-memory is for the cache alone: got {flags(names)} beside it")


memory_options = options_object(
    "memory",
    MemoryOptions,
    [
        click.option("--memory", type=ByteSize(), metavar="SIZE", help="Memory of one GPU: 80GB."),
        click.option(
            "--weights",
            type=ByteSize(),
            metavar="SIZE",
            help="Weights of the whole model: 16GB.  [default: as the config says]",
        ),
        click.option(
            "--utilisation",
            type=Share(),
            metavar="SHARE",
            help="Share of the memory that the engine may take.  [default: 0.9]",
        ),
        click.option(
            "--overhead",
            type=ByteSize(),
            metavar="SIZE",
            help="What the engine takes of a GPU besides weights and cache.  [default: 0]",
        ),
        click.option(
            "--kv-memory", type=ByteSize(), metavar="SIZE", help="Memory per GPU for the cache."
        ),
    ],
)


@click.command(short_help="Print what fits in a memory budget: sequences, or context.")
@config_argument
@memory_options
@int_option("context_len", MAX_CONTEXT_LEN, help="Tokens per sequence, to print how many fit.")
@int_option("batch_size", MAX_BATCH_SIZE, help="Sequences at once, to print how long they can be.")
@layer_options
@mtp_option
@kv_format_option
@parallel_options
@engine_options
@json_option
def fit(
    config: str | None,
    memory: MemoryOptions,
    context_len: int | None,
    batch_size: int | None,
    layer: LayerOptions,
    mtp: bool,
    kv_format: str | None,
    parallel: ParallelOptions,
    engine: EngineChoice,
    as_json: bool,
) -> int:
    """Print the most sequences of a length, or the longest context of a batch, that fit.

    The budget of each GPU is --memory x --utilisation minus its part of --weights and --overhead,
    or --kv-memory. The model is given as for size, the engine's rules by --engine. Sizes are exact:
    80GB is 80 x 10^9 bytes, 17.39GiB is 17.39 x 2^30.

    \b
    Examples:
      fit config.json --memory 80GB --weights 16GB --utilisation 0.9 --context-len 8192
      fit config.json --kv-memory 17.39GiB --batch-size 4 --engine vllm --tp 2
    """
    if context_len is None and batch_size is None:
        raise ValueError("--context-len or --batch-size must be given: got neither")
    given = read_model(config, layer, mtp=mtp)
    deployment = _deployment(given, memory, kv_format or given.kv_format, parallel, engine)
    report = FitReport(
        deployment=deployment,
        context_len=context_len,
        batch_size=batch_size,
        own_max_context_len=given.config.max_context_len if given.config else None,
        assumptions=given.config.assumptions if given.config else (),
        not_counted=given.config.not_counted if given.config else (),
        are_weights_estimated=memory.memory is not None and memory.weights is None,
        is_overhead_given=memory.memory is None or memory.overhead is not None,
    )
    click.echo(fit_json(report) if as_json else fit_text(report))
    return 0


def _deployment(
    given: ModelInput,
    memory: MemoryOptions,
    kv_format: str,
    parallel: ParallelOptions,
    engine: EngineChoice,
) -> Deployment:
    """The deployment of these options; sizes are rounded so that what fits really does."""
    from gqa_core.theory.capacity import Deployment

    split = parallel.parallelism
    is_whole = memory.memory is not None
    usable = memory.memory if memory.memory is not None else memory.kv_memory or Fraction(0)
    default_share = Fraction(9, 10) if is_whole else Fraction(1)
    return Deployment(
        memory_bytes=floor(usable),
        weight_bytes=_weight_bytes(given, memory) if is_whole else 0,
        overhead_bytes=ceil(memory.overhead or 0),
        utilisation=memory.utilisation or default_share,
        model=given.model,
        kv_format=kv_format,
        n_gpus=split.tp,
        dp=split.dp,
        dcp=split.dcp,
        pp=split.pp,
        engine=cast("EngineName", engine.engine or "ideal"),
        engine_options=engine.options,
    )


def _weight_bytes(given: ModelInput, memory: MemoryOptions) -> int:
    """Bytes of the weights: as given, or as the config says."""
    if memory.weights is not None:
        return ceil(memory.weights)
    estimated = given.config.estimated_weight_bytes if given.config else None
    if estimated is None:
        raise ValueError(
            "--weights must be given, such as 16GB: the model does not say what its weights take"
        )
    return estimated
