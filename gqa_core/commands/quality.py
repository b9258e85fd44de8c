"""quality, inspect-heads and train: the small pretrained model, and what sharing heads costs it."""

from __future__ import annotations

import os

import click
import msgspec

from gqa_core.commands.options import (
    FileName,
    Name,
    NameList,
    RunOptions,
    int_option,
    ints_option,
    n_kv_heads_option,
    run_options,
)
from gqa_core.commands.run import report_note, run
from gqa_core.configs import MAX_LAYERS
from gqa_core.records.specs.quality import STARTS, Start
from gqa_core.records.specs.training import MAX_SEED, POOLINGS, Pooling


@click.command(short_help="Measure what sharing K/V heads costs a small model.")
@click.option(
    "--start",
    type=NameList(STARTS),
    metavar="NAME[,NAME...]",
    default="mean",
    help="How K/V heads are pooled: mean, first or random; or scratch, for a new model that is "
    "trained with that many K/V heads.",
)
@n_kv_heads_option(default="8,4,2,1", help="K/V heads of each model, of 8 query heads.")
@ints_option(
    "seed", MAX_SEED, least=0, default="0", help="Seeds of the training batches and random heads."
)
@ints_option(
    "percent",
    100,
    least=0,
    default="0,5",
    help="When the loss is evaluated: percent of the pretraining steps, ascending.",
)
@run_options
def quality(
    start: tuple[Start, ...],
    n_kv_heads: tuple[int, ...],
    seed: tuple[int, ...],
    percent: tuple[int, ...],
    run_options: RunOptions,
) -> int:
    """Measure what sharing K/V heads costs a small language model.

    The pretrained MHA model (0.79 M parameters) is converted to fewer K/V heads and trained
    further; the loss on held-out text is evaluated in nats per byte. Points that the run log holds
    already are skipped, so an interrupted run can be continued. Each record is one JSON object on
    stdout and is added to the run log.

    \b
    Example:
      quality --start mean,first,random --n-kv-heads 8,4,2,1 --percent 0,5,20
    """
    from gqa_core.catalog.corpus import python_topics
    from gqa_core.quality.pretrained import pretrained_config
    from gqa_core.records.kinds.quality import QualityRecord, unanswered_specs
    from gqa_core.records.run_log import RunLog
    from gqa_core.records.specs.quality import quality_specs

    specs = quality_specs(
        starts=start,
        n_kv_heads=n_kv_heads,
        seeds=seed,
        percents=percent,
        training_config=pretrained_config(),
    )
    logged = [] if run_options.no_log else RunLog(run_options.log).measured_here("quality")
    records = [record for record in logged if isinstance(record, QualityRecord)]
    missing = unanswered_specs(specs, records, python_topics().sha256)
    if len(missing) < len(specs):
        n_logged = len(specs) - len(missing)
        report_note(f"{n_logged} of {len(specs)} points are in the log already", run_options)
    _use_passive_omp_wait()
    return run(missing, run_options) if missing else 0


@click.command("inspect-heads", short_help="Print attention weights and head similarity.")
@click.option("--text", required=True, help="The text that the model reads, 8 to 96 bytes.")
@int_option("layer", MAX_LAYERS - 1, least=0, default=1, help="Layer, counted from 0.")
@n_kv_heads_option(default="8,2", help="K/V heads that the model is converted to.")
@click.option(
    "--start", type=Name(POOLINGS), default="mean", help="How K/V heads are pooled into fewer."
)
def inspect_heads_(text: str, layer: int, n_kv_heads: tuple[int, ...], start: Pooling) -> int:
    """Print attention weights and head similarity of the pretrained model as one JSON object.

    \b
    Example:
      inspect-heads --text "The while statement is used for repeated execution." --layer 1
    """
    from gqa_core.quality.pretrained import load_pretrained, pretrained_config
    from gqa_core.records.specs.inspection import InspectionSpec

    spec = InspectionSpec(
        text=text,
        n_kv_heads=n_kv_heads,
        start=start,
        layer=layer,
        training_config=pretrained_config(),
    )
    from gqa_core.quality.inspection import inspect_heads

    click.echo(msgspec.json.encode(inspect_heads(spec, load_pretrained())))
    return 0


@click.command(short_help="Train the small model anew.")
@int_option("seed", MAX_SEED, least=0, default=0, help="Seed of weights and batches.")
@click.option(
    "--out",
    type=FileName(),
    required=True,
    metavar="FOLDER",
    help="Where to write the weights and their record.",
)
def train(seed: int, out: str) -> int:
    """Train the small MHA model that the other commands start from.

    Takes minutes on a CPU. An interrupted training continues when it is started again.

    \b
    Example:
      train --seed 0 --out my_model
    """
    _use_passive_omp_wait()
    from gqa_core.quality.train_baseline import train_and_write

    train_and_write(out, seed, on_progress=lambda text: click.echo(text, err=True))
    return 0


def _use_passive_omp_wait() -> None:
    """Let threads of torch sleep while they wait; set before torch is imported, here or in a child.

    By default they spin, which is a quarter faster on an idle machine and many times slower beside
    anything else that computes, such as a browser that shows the progress.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
