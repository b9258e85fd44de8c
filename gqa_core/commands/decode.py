"""bench and crossover: decode steps of the attention layers that the options describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from gqa_core.commands.default_run import choose_workload
from gqa_core.commands.options import (
    LATENT_FIELDS,
    Name,
    NameList,
    RunOptions,
    batch_size_option,
    context_lens_option,
    dtype_option,
    flags,
    int_option,
    latent_options,
    n_kv_heads_option,
    options_object,
    run_options,
)
from gqa_core.commands.run import report_note, run
from gqa_core.configs import (
    KERNEL_NAMES,
    MAX_CONTEXT_LEN,
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_LAYERS,
    QUANTISED_FORMATS,
    GroupedConfig,
    LatentConfig,
    default_mla_for,
)
from gqa_core.records.specs.decode import CACHE_FORMATS, MAX_SAMPLES, CacheFormat

if TYPE_CHECKING:
    from gqa_core.runner.run import RunResult

KV_FORMAT_HELP = (
    "Number format of the cache: that of the dtype, which is the default, or "
    f"{' or '.join(QUANTISED_FORMATS)}."
)


@dataclass(frozen=True, kw_only=True)
class DecodeOptions:
    """The layers to measure and the settings; a latent field that was not given is None."""

    n_heads: int
    n_kv_heads: tuple[int, ...]
    head_dim: int
    mla: bool
    kv_lora_rank: int | None
    qk_rope_head_dim: int | None
    qk_nope_head_dim: int | None
    v_head_dim: int | None
    batch_size: int
    n_layers: int
    samples: int
    kernel: str
    dtype: str

    @property
    def grouped(self) -> list[GroupedConfig]:
        """One layer per number of K/V heads."""
        return [self.layer(n_kv_heads) for n_kv_heads in self.n_kv_heads]

    @property
    def latent(self) -> LatentConfig | None:
        """The MLA layer to measure too, for a model of the same width.

        Raises:
            ValueError: latent options were given without --mla.
        """
        given = {name: value for name in LATENT_FIELDS if (value := getattr(self, name))}
        if self.mla:
            return default_mla_for(self.n_heads, self.head_dim, **given)
        if given:
            raise ValueError(f"{flags(given)} must come with --mla: got no --mla")
        return None

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of `decode_specs` that do not describe a layer."""
        names = ("batch_size", "n_layers", "dtype", "kernel")
        return {name: getattr(self, name) for name in names} | {"n_samples": self.samples}

    def layer(self, n_kv_heads: int) -> GroupedConfig:
        """The layer with so many K/V heads."""
        return GroupedConfig(n_heads=self.n_heads, n_kv_heads=n_kv_heads, head_dim=self.head_dim)


def decode_options(samples: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of `DecodeOptions`, with this default number of samples."""
    kernel = click.option(
        "--kernel",
        type=Name(KERNEL_NAMES),
        default="auto",
        help="What computes attention; auto takes the fastest known for the shape.",
    )
    return options_object(
        "decode",
        DecodeOptions,
        [
            int_option("n_heads", MAX_HEADS, required=True, help="Query heads."),
            n_kv_heads_option(
                required=True, help="K/V heads of each layer to measure; they divide n_heads."
            ),
            int_option("head_dim", MAX_HEAD_DIM, required=True, help="Width of a head."),
            click.option("--mla", is_flag=True, help="Measure MLA too, absorbed and naive."),
            latent_options,
            batch_size_option,
            int_option("n_layers", MAX_LAYERS, default=1, help="Layers to allocate and run."),
            int_option(
                "samples",
                MAX_SAMPLES,
                default=samples,
                help="Timed repetitions per point, at least.",
            ),
            kernel,
            dtype_option,
        ],
    )


@click.command(short_help="Measure decode steps: time, memory, and the device's bound.")
@context_lens_option(
    help="Cached tokens of each point. Without it the device decides, as on other sizes not given."
)
@decode_options(samples=10)
@click.option(
    "--kv-format",
    type=NameList(CACHE_FORMATS),
    metavar="NAME[,NAME...]",
    help=f"{KV_FORMAT_HELP} Several are measured beside each other.",
)
@int_option(
    "tp",
    MAX_HEADS,
    default=None,
    help="Split each step over so many ranks, which torchrun starts: tensor parallel.",
)
@int_option(
    "dcp",
    MAX_HEADS,
    default=1,
    help="Groups of so many ranks split the tokens of the cache: decode context parallel.",
)
@run_options
def bench(
    context_len: tuple[int, ...] | None,
    decode: DecodeOptions,
    kv_format: tuple[CacheFormat, ...] | None,
    tp: int | None,
    dcp: int,
    run_options: RunOptions,
) -> int:
    """Measure decode steps: time per phase, memory, and the bound of the device.

    Each point is one step with a full cache. The points of one context take turns in one process,
    until their times stop moving. A record is one JSON object on stdout, with all samples in
    seconds, and is added to the run log. With --tp, a line per point on stderr sums it up.

    \b
    Examples:
      bench --n-heads 32 --n-kv-heads 32,8,1 --head-dim 128 --context-len 1024,4096
      bench --n-heads 16 --n-kv-heads 16 --head-dim 64 --mla --context-len 4096 --out mla.jsonl
      bench --n-heads 32 --n-kv-heads 8 --head-dim 128 --context-len 8192 \
        --kv-format fp32,int8_per_token_head,fp8_per_token_head
      torchrun --standalone --nproc-per-node 2 -m gqa_core bench --n-heads 32 \
        --n-kv-heads 32,8,1 --head-dim 128 --context-len 4096 --tp 2 --dcp 2 --out ranks.jsonl
    """
    from gqa_core.records.specs.decode import decode_specs

    if tp is None and dcp > 1:
        raise ValueError(f"dcp must divide tp: got {dcp} and no tp")
    if context_len is None:
        if tp is not None:
            raise ValueError("context_len must be given where ranks share a step: got none")
        mha = decode.layer(decode.n_heads)
        context_len, decode = choose_workload(mha, decode, run_options)
    specs = decode_specs(
        grouped=decode.grouped,
        latent=decode.latent,
        context_lens=context_len,
        kv_formats=kv_format or (None,),
        **decode.settings,
    )
    if tp is not None:
        from gqa_core.commands.sharded import run_on_ranks

        return run_on_ranks(specs, tp, dcp, run_options)
    return run(specs, run_options)


@click.command(short_help="Search for the context from which variants beat MHA.")
@int_option(
    "max_context_len", MAX_CONTEXT_LEN, default=16384, help="The longest context of the search."
)
@decode_options(samples=9)
@click.option(
    "--kv-format", type=Name(CACHE_FORMATS), metavar="NAME", default=None, help=KV_FORMAT_HELP
)
@run_options
def crossover(
    max_context_len: int,
    decode: DecodeOptions,
    kv_format: CacheFormat | None,
    run_options: RunOptions,
) -> int:
    """Search for the context length from which each variant is faster than MHA.

    Contexts double up to the longest one; at most three more narrow the search down. MHA is always
    measured. Records go to stdout and the run log as those of bench do; the result is printed on
    stderr at the end.

    \b
    Example:
      crossover --n-heads 32 --n-kv-heads 8,1 --head-dim 128 --mla --max-context-len 16384
    """
    from gqa_core.records.crossover_text import crossover_sentences
    from gqa_core.records.decode_row import DecodeRow
    from gqa_core.records.kinds import DecodeRecord
    from gqa_core.runner.search import CrossoverSearch

    search = CrossoverSearch(
        mha=decode.layer(decode.n_heads),
        grouped=decode.grouped,
        latent=decode.latent,
        max_context_len=max_context_len,
        kv_format=kv_format,
        **decode.settings,
    )

    def print_answer(result: RunResult) -> None:
        records = [record for record in result.records if isinstance(record, DecodeRecord)]
        for sentence in crossover_sentences(map(DecodeRow.from_record, records)):
            report_note(sentence, run_options)

    return run(
        search.initial_specs,
        run_options,
        next_specs=search.next_specs,
        max_extra=search.max_extra,
        on_result=print_answer,
    )
