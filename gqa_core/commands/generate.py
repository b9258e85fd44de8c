"""generate: the same tokens with and without a KV cache, and three ways for a cache to grow."""

from __future__ import annotations

import click

from gqa_core.commands.options import (
    Name,
    RunOptions,
    context_lens_option,
    dtype_option,
    int_option,
    run_options,
)
from gqa_core.commands.run import run
from gqa_core.configs import (
    KERNEL_NAMES,
    MAX_CONTEXT_LEN,
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_LAYERS,
    GroupedConfig,
    KernelName,
)
from gqa_core.records.specs.decode import MAX_SAMPLES
from gqa_core.records.specs.generate import PLAIN_KERNEL
from gqa_core.records.specs.growth import BLOCK_LEN
from gqa_core.theory.formats import DtypeName

__all__ = ["CACHED_CONTEXT_LENS", "CONTEXT_LENS", "generate"]

CONTEXT_LENS = (64, 96, 128, 192, 256, 384, 512, 768)
CACHED_CONTEXT_LENS = (1024, 1536, 2048, 3072, 4096)


@click.command(short_help="Generate tokens with and without a KV cache.")
@int_option("n_heads", MAX_HEADS, default=2, help="Heads, each with its own K and V.")
@int_option("head_dim", MAX_HEAD_DIM, default=128, help="Width of a head.")
@int_option("n_layers", MAX_LAYERS, default=2, help="Attention layers.")
@context_lens_option(
    default=",".join(map(str, CONTEXT_LENS)),
    help="Tokens at which both modes are timed, ascending.",
)
@context_lens_option(
    "cached_context_len",
    help="Further tokens at which only generation with the cache is timed.  "
    f"[default: those of {','.join(map(str, CACHED_CONTEXT_LENS))} that are further]",
)
@int_option(
    "block_len", MAX_CONTEXT_LEN, default=BLOCK_LEN, help="Slots per block of the paged cache."
)
@int_option("samples", MAX_SAMPLES, default=9, help="Timed repetitions per length.")
@click.option(
    "--kernel", type=Name(KERNEL_NAMES), default=PLAIN_KERNEL, help="What computes attention."
)
@dtype_option
@run_options
def generate(
    n_heads: int,
    head_dim: int,
    n_layers: int,
    context_len: tuple[int, ...],
    cached_context_len: tuple[int, ...] | None,
    block_len: int,
    samples: int,
    kernel: KernelName,
    dtype: DtypeName,
    run_options: RunOptions,
) -> int:
    """Generate the same tokens with and without a KV cache, and grow a cache in three ways.

    Without a cache, every step recomputes the whole prefix. The cache then grows by concatenation,
    in preallocated slots, and in blocks. Everything runs on one CPU thread, or on the accelerator.
    Each of the five records is one JSON object on stdout, with seconds by length, and is added to
    the run log.

    \b
    Example:
      generate --n-heads 4 --context-len 64,128,256 --cached-context-len 512,1024
    """
    from gqa_core.records.specs.generation import generation_specs

    if cached_context_len is None:
        cached_context_len = tuple(n for n in CACHED_CONTEXT_LENS if n > context_len[-1])
    specs = generation_specs(
        attention=GroupedConfig(n_heads=n_heads, n_kv_heads=n_heads, head_dim=head_dim),
        context_lens=context_len,
        cached_context_lens=cached_context_len,
        dtype=dtype,
        n_layers=n_layers,
        kernel=kernel,
        block_len=block_len,
        n_samples=samples,
    )
    return run(specs, run_options)
