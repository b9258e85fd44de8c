"""gqa_core: size, bench, crossover, check, why, quality, heads, train, device, runs and import.

Bad input is one sentence on stderr and exit code 2; 1 means that something went wrong on the way,
and what was measured until then is kept. Each subcommand imports what it needs when it runs, so
that a size is told without waiting for torch.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from gqa_core import units
from gqa_core.arguments import LATENT_FLAGS, LAYER_FLAGS, NotANumberError, flags, parser
from gqa_core.configs import (
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    Workload,
    proportional_latent,
)
from gqa_core.size_text import size_text

MAX_SENTENCE = 400  # characters: an argument may be quoted in it

if TYPE_CHECKING:
    from gqa_core.hf_config.read import ReadConfig
    from gqa_core.measure.record import Kind, Point, Record


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of `python -m gqa_core` with these arguments."""
    try:
        measuring = (bench, crossover, check, why, quality, heads, train)
        commands = (size, *measuring, device, runs, import_)
        arguments = parser(commands, description=__doc__).parse_args(argv)
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except (ValueError, NotANumberError) as error:
        print(str(error)[:MAX_SENTENCE], file=sys.stderr)
        return 2
    except OSError as error:
        # What is left in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader that left wants no sentence
            print(f"output cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; every record of a point that was done is kept", file=sys.stderr)
        return 130


def size(arguments: argparse.Namespace) -> int:
    """Print the cache of a model at a context: bytes per token, in all, per GPU, against MHA."""
    from gqa_core.hf_config.answer import config_record
    from gqa_core.theory.size import gpu_record, size_record, size_warnings

    workload = Workload(context_len=arguments.context_len, batch_size=arguments.batch_size)
    if arguments.config is not None:
        config = _read_config(arguments)
        model, answer = config.model, config_record(config, workload, arguments.kv_format)
    else:
        attention = _one_layer(arguments)
        model = ModelConfig.uniform(attention, arguments.n_layers)
        answer = size_record(model, attention, workload, arguments.kv_format)
    if arguments.tp is not None:
        answer |= gpu_record(model, workload, arguments.kv_format, arguments.tp)
    warnings = size_warnings(answer)
    if warnings or arguments.config is not None:
        answer["warnings"] = warnings
    print(json.dumps(answer) if arguments.json else size_text(answer, arguments.kv_format))
    return 0


def bench(arguments: argparse.Namespace) -> int:
    """Measure decode steps: one JSON record a line on stdout, progress on stderr."""
    from gqa_core.measure.point import decode_points
    from gqa_core.measure.record import DECODE

    points = decode_points(
        grouped=[_grouped(arguments, n_kv_heads) for n_kv_heads in arguments.n_kv_heads],
        latent=_latent_beside(arguments),
        context_lens=arguments.context_len,
        **_how(arguments),
    )
    return _run([(DECODE, point) for point in points], arguments)


def crossover(arguments: argparse.Namespace) -> int:
    """Search from which context each variant beats MHA: records on stdout, sentences on stderr."""
    from gqa_core.crossover_text import crossover_sentences
    from gqa_core.measure.record import DECODE, row
    from gqa_core.measure.search import CrossoverSearch

    search = CrossoverSearch(
        mha=_grouped(arguments, arguments.n_heads),
        grouped=[_grouped(arguments, n_kv_heads) for n_kv_heads in arguments.n_kv_heads],
        latent=_latent_beside(arguments),
        max_context_len=arguments.max_context_len,
        how=_how(arguments),
    )
    known: list[Record] = []

    def follow(records: Sequence[Record]) -> list[tuple[Kind, Point]]:
        known[:] = records
        return [(DECODE, point) for point in search.follow(records)]

    start = [(DECODE, point) for point in search.start]
    code = _run(start, arguments, follow=follow, n_more=search.n_more)
    for sentence in crossover_sentences([row(record) for record in known]):
        print(sentence, file=sys.stderr)
    return code


def why(arguments: argparse.Namespace) -> int:
    """Measure what a cache buys: tokens generated with and without one, and how one can grow."""
    from gqa_core.measure.generate_record import why_tasks

    tasks = why_tasks(
        attention=_grouped(arguments, arguments.n_heads),
        context_lens=arguments.context_len,
        cached_context_lens=arguments.cached_context_len,
        dtype=arguments.dtype,
        n_layers=arguments.n_layers,
        kernel=arguments.kernel,
        block_len=arguments.block_len,
        n_samples=arguments.samples,
    )
    return _run(tasks, arguments)


def check(arguments: argparse.Namespace) -> int:
    """Compare what must be equal, each by computing it both ways: one JSON record a line."""
    from gqa_core.measure.check_point import CHECK, COMPARISONS, CheckPoint

    attention = _grouped(arguments, arguments.n_kv_heads)
    workload = Workload(context_len=arguments.context_len, batch_size=arguments.batch_size)
    points = [
        CheckPoint(
            comparison=comparison,
            attention=attention,
            workload=workload,
            dtype=arguments.dtype,
            planted=arguments.plant_wrong_head_order,
        )
        for comparison in COMPARISONS
    ]
    return _run([(CHECK, point) for point in points], arguments)


def quality(arguments: argparse.Namespace) -> int:
    """Measure what sharing heads costs a small model; what was measured here before is skipped."""
    from gqa_core.measure.run_log import RunLog
    from gqa_core.quality.corpus import python_topics
    from gqa_core.quality.point import quality_points, tasks_left
    from gqa_core.quality.shipped import shipped_recipe

    points = quality_points(
        starts=arguments.start,
        n_kv_heads=arguments.n_kv_heads,
        seeds=arguments.seed,
        percents=arguments.percent,
        recipe=shipped_recipe(),
    )
    known = [] if arguments.no_log else RunLog(arguments.log).measured_here("quality")
    tasks = tasks_left(points, known, python_topics().sha256)
    if len(tasks) < len(points):
        print(f"{len(points) - len(tasks)} of {len(points)} are in the log", file=sys.stderr)
    _train_politely()
    return _run(tasks, arguments) if tasks else 0


def heads(arguments: argparse.Namespace) -> int:
    """Print what the shipped model's heads look at, and how alike they are: one JSON object."""
    from gqa_core.quality.question import HeadsQuestion
    from gqa_core.quality.shipped import load_shipped, shipped_recipe

    question = HeadsQuestion(
        text=arguments.text,
        n_kv_heads=tuple(arguments.n_kv_heads),
        start=arguments.start,
        layer=arguments.layer,
        recipe=shipped_recipe(),
    )
    from gqa_core.quality.diversity import answer

    print(json.dumps(answer(question, load_shipped())))
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Train the small MHA model that ships: weights and the record of their making, in a folder."""
    _train_politely()
    from gqa_core.quality.ship import train_and_write

    train_and_write(
        arguments.out, arguments.seed, say=lambda text: print(text, file=sys.stderr, flush=True)
    )
    return 0


def device(arguments: argparse.Namespace) -> int:
    """Print the device measurements would run on."""
    from gqa_core.measure.device import survey

    try:
        answer = survey(arguments.device)
    except RuntimeError as error:
        print(f"the device cannot be looked at: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(answer))
        return 0
    print(f"{answer['name']} ({answer['type']}, {answer['n_threads']} CPU threads)")
    print(f"{units.capacity(answer['free_bytes'])} free, torch {answer['torch_version']}")
    return 0


def runs(arguments: argparse.Namespace) -> int:
    """Print what the run log holds, oldest first."""
    from gqa_core.measure.lines import line
    from gqa_core.measure.run_log import RunLog

    log = RunLog(arguments.log)
    if arguments.log is not None and not log.path.exists():
        raise ValueError(f"log {log.path} must be there to be read: got no such file")
    labelled = log.labelled()
    if arguments.json:
        print("[" + ",\n".join(json.dumps(record) for record, _ in labelled) + "]")
        return 0
    for record, evidence in labelled:
        when, name = record["created_at"][:19], record["device"]["name"]
        print(f"{when}  {line(record)}  {evidence:<18}  {name}")
    return 0


def import_(arguments: argparse.Namespace) -> int:
    """Keep records measured elsewhere, of any kind, as JSON Lines; wrong lines are named."""
    from gqa_core.importable import KINDS
    from gqa_core.measure.import_records import import_records
    from gqa_core.measure.run_log import RunLog

    with _input(arguments.file) as source:
        imported = import_records(source, RunLog(arguments.log), KINDS)
    for sentence in imported.refused:
        print(sentence, file=sys.stderr)
    print(f"{imported.n_taken} taken, {len(imported.refused)} refused", file=sys.stderr)
    return 1 if imported.refused else 0


def _train_politely() -> None:
    """Let threads of torch sleep while they wait: set before torch is there, here or in a child.

    By default they spin, a quarter faster on an idle machine and many times slower beside anything
    else that computes, a browser that shows the progress for one.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _how(arguments: argparse.Namespace) -> dict[str, Any]:
    """How decode steps are measured, as `decode_points` takes it."""
    names = ("batch_size", "n_layers", "dtype", "kernel")
    return {name: getattr(arguments, name) for name in names} | {"n_samples": arguments.samples}


def _run(tasks: Sequence[tuple[Kind, Point]], arguments: argparse.Namespace, **search: Any) -> int:
    """Measure the tasks; records to --out and the log, progress and sentences to stderr.

    `search` is what `run_points` takes of tasks that follow from what came out.
    """
    from gqa_core.measure.run import run_points
    from gqa_core.measure.run_log import RunLog
    from gqa_core.measure.workers import WorkerError

    if arguments.no_log and arguments.log is not None:
        raise ValueError("--no-log and --log exclude each other: got both")
    with _output(arguments.out) as out:
        try:
            failed = run_points(
                tasks,
                device=arguments.device,
                log=None if arguments.no_log else RunLog(arguments.log),
                emit=lambda record: print(json.dumps(record), file=out, flush=True),
                say=lambda text: print(text, file=sys.stderr, flush=True),
                **search,
            )
        except WorkerError as error:
            print(f"nothing was measured: {error}", file=sys.stderr)
            return 1
    return 1 if failed else 0


def _read_config(arguments: argparse.Namespace) -> ReadConfig:
    """The config that `size` was given in place of the flags of a layer."""
    from gqa_core.hf_config.read import MAX_BYTES, read_config

    if given := [name for name in LAYER_FLAGS if getattr(arguments, name) is not None]:
        raise ValueError(f"a config says what its layers are: got {flags(given)} beside it")
    with _input(arguments.config) as source:
        return read_config(source.read(MAX_BYTES + 1))


def _grouped(arguments: argparse.Namespace, n_kv_heads: int) -> GroupedConfig:
    return GroupedConfig(
        n_heads=arguments.n_heads, n_kv_heads=n_kv_heads, head_dim=arguments.head_dim
    )


def _one_layer(arguments: argparse.Namespace) -> AttentionConfig:
    """The layer of `size`: grouped flags, or latent ones in their place, not both."""
    if missing := [name for name in ("n_layers", "n_heads") if getattr(arguments, name) is None]:
        raise ValueError(f"without a config, a model must be given by {flags(missing)} too")
    grouped = {name: getattr(arguments, name) for name in ("n_kv_heads", "head_dim")}
    latent = {name: getattr(arguments, name) for name in LATENT_FLAGS}
    given = [name for name, value in (grouped | latent).items() if value is not None]
    kind, wanted = (LatentConfig, latent) if set(given) & set(latent) else (GroupedConfig, grouped)
    if set(given) != set(wanted):
        raise ValueError(
            f"a layer is given by {flags(grouped)} or by {flags(latent)}: "
            f"got {flags(given) or 'none of them'}"
        )
    return kind(n_heads=arguments.n_heads, **wanted)


def _latent_beside(arguments: argparse.Namespace) -> LatentConfig | None:
    """The MLA that `bench` measures beside the grouped layers, as wide a model as theirs."""
    given = {
        name: getattr(arguments, name)
        for name in LATENT_FLAGS
        if getattr(arguments, name) is not None
    }
    if not arguments.mla:
        if given:
            raise ValueError(f"{flags(given)} must come with --mla: got no --mla")
        return None
    return proportional_latent(arguments.n_heads, arguments.head_dim, **given)


@contextmanager
def _input(path: str) -> Iterator[BinaryIO]:
    """Where records come from: stdin for -, else the file."""
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as source:
            yield source
    except OSError as error:
        raise ValueError(f"file {path} cannot be read: {error.strerror}") from None


@contextmanager
def _output(path: str) -> Iterator[TextIO]:
    """Where records go: stdout for -, else the file, appended to and not left behind empty."""
    if path == "-":
        yield sys.stdout
        return
    try:
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise ValueError(f"out {path} cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
    finally:
        if os.path.isfile(path) and not os.path.getsize(path):
            os.remove(path)
