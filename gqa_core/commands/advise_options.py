"""The options of advise: the GPUs, and the limits of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import click

from gqa_core.commands.options import Name, int_option, options_object
from gqa_core.commands.quantities import ByteSize, Milliseconds, Share
from gqa_core.configs import MAX_BATCH_SIZE, MAX_CONTEXT_LEN, MAX_HEADS
from gqa_core.theory.engines import ENGINES

__all__ = ["GpuOptions", "LimitOptions", "gpu_options", "limit_options"]


@dataclass(frozen=True, kw_only=True)
class GpuOptions:
    """The GPUs, and what else they hold; None stands for an option that was not given."""

    device: str
    tp: int
    weights: Fraction | None
    utilisation: Fraction
    overhead: Fraction | None
    engine: str


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """The limits of an answer; None stands for no limit."""

    users: int | None
    context_len: int
    max_ms: float | None


gpu_options = options_object(
    "gpus",
    GpuOptions,
    [
        click.option(
            "--device",
            required=True,
            metavar="NAME",
            help='A GPU of the catalogue, by its name or a part of it: "H100 SXM".',
        ),
        int_option("tp", MAX_HEADS, default=1, help="Tensor-parallel GPUs."),
        click.option(
            "--weights",
            type=ByteSize(),
            metavar="SIZE",
            help="Weights of the whole model: 16GB.  [default: as the model says]",
        ),
        click.option(
            "--utilisation",
            type=Share(),
            metavar="SHARE",
            default="0.9",
            help="Share of the memory that the engine may take.",
        ),
        click.option(
            "--overhead",
            type=ByteSize(),
            metavar="SIZE",
            help="What the engine takes of a GPU besides weights and cache.  [default: as "
            "expected of the engine]",
        ),
        click.option(
            "--engine",
            type=Name(ENGINES),
            metavar="NAME",
            default="ideal",
            help=f"Whose rules say what is allocated: {', '.join(ENGINES)}.",
        ),
    ],
)
limit_options = options_object(
    "limits",
    LimitOptions,
    [
        int_option("users", MAX_BATCH_SIZE, help="Sequences at once that must fit.  [default: 1]"),
        int_option("context_len", MAX_CONTEXT_LEN, required=True, help="Tokens per sequence."),
        click.option(
            "--max-ms",
            type=Milliseconds(),
            metavar="MS",
            help="Milliseconds that a step may take, as predicted by its reads.",
        ),
    ],
)
