"""python -m gqa_core size | bench | check | why | device | runs | import.

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
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TextIO

from gqa_core import units
from gqa_core.configs import (
    KERNEL_NAMES,
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    Workload,
    proportional_latent,
)

if TYPE_CHECKING:
    from gqa_core.measure.record import Kind, Point

WHY_CONTEXT_LENS = {
    "context_len": (64, 96, 128, 192, 256, 384, 512, 768),
    "cached_context_len": (1024, 1536, 2048, 3072, 4096),
}
WHY_HELP = {
    "context_len": "lengths at which both ways are timed",
    "cached_context_len": "longer ones, timed with the cache alone",
}
LATENT_FLAGS = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of `python -m gqa_core` with these arguments."""
    try:
        arguments = _parser().parse_args(argv)
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except (ValueError, _NotANumberError) as error:
        print(error, file=sys.stderr)
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
    """Print the cache of a model at a context: bytes per token, in all, and against MHA."""
    from gqa_core.theory import memory

    attention = _one_layer(arguments)
    model = ModelConfig.uniform(attention, arguments.n_layers)
    workload = Workload(context_len=arguments.context_len, batch_size=arguments.batch_size)
    answer = {
        "variant": model.variant,
        "n_layers": model.n_layers,
        "kv_bytes_per_token": memory.kv_bytes_per_token(model, arguments.kv_format),
        "kv_cache_bytes": memory.kv_cache_bytes(model, workload, arguments.kv_format),
        "kv_read_bytes": memory.kv_read_bytes(model, workload, arguments.kv_format),
        "reduction_vs_mha": memory.reduction_vs_mha(attention),
    }
    if arguments.json:
        print(json.dumps(answer))
        return 0
    print(f"{answer['variant']}, {answer['n_layers']} layers, {arguments.kv_format}")
    print(f"per token  {units.capacity(answer['kv_bytes_per_token'])}")
    print(f"in all     {units.capacity_both(answer['kv_cache_bytes'])}")
    print(f"a step reads the same; {units.times(answer['reduction_vs_mha'])} smaller than MHA")
    return 0


def bench(arguments: argparse.Namespace) -> int:
    """Measure decode steps: one JSON record a line on stdout, progress on stderr."""
    from gqa_core.measure.point import decode_points
    from gqa_core.measure.record import DECODE

    points = decode_points(
        grouped=[
            GroupedConfig(
                n_heads=arguments.n_heads, n_kv_heads=n_kv_heads, head_dim=arguments.head_dim
            )
            for n_kv_heads in arguments.n_kv_heads
        ],
        latent=_latent_beside(arguments),
        context_lens=arguments.context_len,
        batch_size=arguments.batch_size,
        n_layers=arguments.n_layers,
        dtype=arguments.dtype,
        kernel=arguments.kernel,
        n_samples=arguments.samples,
    )
    return _run([(DECODE, point) for point in points], arguments)


def why(arguments: argparse.Namespace) -> int:
    """Measure what a cache buys: tokens generated with and without one, and how one can grow."""
    from gqa_core.measure.generate_record import why_tasks

    tasks = why_tasks(
        attention=GroupedConfig(
            n_heads=arguments.n_heads, n_kv_heads=arguments.n_heads, head_dim=arguments.head_dim
        ),
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

    attention = GroupedConfig(
        n_heads=arguments.n_heads, n_kv_heads=arguments.n_kv_heads, head_dim=arguments.head_dim
    )
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
    from gqa_core.measure.lines import LINES
    from gqa_core.measure.run_log import RunLog

    log = RunLog(arguments.log)
    if arguments.log is not None and not log.path.exists():
        raise ValueError(f"log {log.path} must be there to be read: got no such file")
    labelled = log.labelled()
    if arguments.json:
        print("[" + ",\n".join(json.dumps(record) for record, _ in labelled) + "]")
        return 0
    for record, evidence in labelled:
        line = LINES[record["kind"]](record)
        print(f"{record['created_at'][:19]}  {line}  {evidence:<18}  {record['device']['name']}")
    return 0


def import_(arguments: argparse.Namespace) -> int:
    """Keep records measured elsewhere, JSON Lines as `bench` prints them; wrong lines are named."""
    from gqa_core.measure.import_records import import_records
    from gqa_core.measure.run_log import RunLog

    with _input(arguments.file) as source:
        imported = import_records(source, RunLog(arguments.log))
    for sentence in imported.refused:
        print(sentence, file=sys.stderr)
    print(f"{imported.n_taken} taken, {len(imported.refused)} refused", file=sys.stderr)
    return 1 if imported.refused else 0


def _run(tasks: Sequence[tuple[Kind, Point]], arguments: argparse.Namespace) -> int:
    """Measure the tasks; records to --out and the log, progress and sentences to stderr."""
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
            )
        except WorkerError as error:
            print(f"nothing was measured: {error}", file=sys.stderr)
            return 1
    return 1 if failed else 0


class _Parser(argparse.ArgumentParser):
    """argparse, with one sentence for an error and no page of usage before it."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m gqa_core", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(
        required=True, metavar="size | bench | check | why | device | runs | import"
    )

    def command(run, *, json_too: bool = True) -> argparse.ArgumentParser:
        added = commands.add_parser(
            run.__name__.rstrip("_"), help=run.__doc__, description=run.__doc__, allow_abbrev=False
        )
        added.set_defaults(run=run)
        if json_too:
            added.add_argument("--json", action="store_true", help="one JSON document")
        return added

    sized = command(size)
    _add_ints(sized, "n_layers", "n_heads", "context_len", required=True)
    _add_ints(sized, "n_kv_heads", "head_dim", *LATENT_FLAGS)
    _add_ints(sized, "batch_size", default=1)
    sized.add_argument("--kv-format", default="bf16", metavar="NAME", help="fp32, bf16, fp16, fp8")

    benched = command(bench, json_too=False)
    _add_ints(benched, "n_heads", "head_dim", required=True)
    for name in ("n_kv_heads", "context_len"):
        benched.add_argument(_flag(name), type=_ints(name), required=True, metavar="N[,N...]")
    benched.add_argument("--mla", action="store_true", help="MLA too, absorbed and naive")
    _add_ints(benched, *LATENT_FLAGS)
    _add_ints(benched, "batch_size", "n_layers", default=1)
    _add_ints(benched, "samples", default=20)
    benched.add_argument("--kernel", default="auto", help=", ".join(KERNEL_NAMES))

    checked = command(check, json_too=False)
    _add_ints(checked, "n_heads", "n_kv_heads", "head_dim", "context_len", required=True)
    _add_ints(checked, "batch_size", default=1)
    checked.add_argument(
        "--plant-wrong-head-order", action="store_true", help="see the comparisons catch it"
    )

    asked = command(why, json_too=False)
    _add_ints(asked, "n_heads", default=2)
    _add_ints(asked, "head_dim", default=128)
    _add_ints(asked, "n_layers", default=2)
    for name, default in WHY_CONTEXT_LENS.items():
        asked.add_argument(
            _flag(name), type=_ints(name), default=default, metavar="N[,N...]", help=WHY_HELP[name]
        )
    _add_ints(asked, "block_len", default=64)
    _add_ints(asked, "samples", default=9)
    asked.add_argument("--kernel", default="matmul", help=", ".join(KERNEL_NAMES))

    imported = command(import_, json_too=False)
    imported.add_argument("file", metavar="FILE", help="- for stdin")

    measuring = (benched, checked, asked)
    for added in measuring:
        added.add_argument("--dtype", default="float32", help="float32, bfloat16, float16")
        added.add_argument("--no-log", action="store_true", help="keep the records out of the log")
        added.add_argument("--out", default="-", metavar="FILE", help="- for stdout")
    for added in (*measuring, command(runs), imported):
        added.add_argument("--log", metavar="FILE", help="default: GQA_RUN_LOG, or the user's data")
    for added in (*measuring, command(device)):
        added.add_argument("--device", default="auto", metavar="auto|cpu", help="auto: a GPU first")
    return parser


def _add_ints(parser: argparse.ArgumentParser, *names: str, **how: object) -> None:
    for name in names:
        parser.add_argument(_flag(name), type=_int(name), metavar="N", **how)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _int(name: str):
    def parse(text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise _NotANumberError(f"{name} must be a whole number: got {text[:40]!r}") from None

    return parse


def _ints(name: str):
    def parse(text: str) -> list[int]:
        return [_int(name)(part) for part in text.split(",")]

    return parse


class _NotANumberError(Exception):
    """Not a ValueError, since argparse would put words of its own before the sentence."""


def _one_layer(arguments: argparse.Namespace) -> AttentionConfig:
    """The layer of `size`: grouped flags, or latent ones in their place, not both."""
    grouped = {name: getattr(arguments, name) for name in ("n_kv_heads", "head_dim")}
    latent = {name: getattr(arguments, name) for name in LATENT_FLAGS}
    given = [name for name, value in (grouped | latent).items() if value is not None]
    kind, wanted = (LatentConfig, latent) if set(given) & set(latent) else (GroupedConfig, grouped)
    if set(given) != set(wanted):
        raise ValueError(
            f"a layer is given by {_flags(grouped)} or by {_flags(latent)}: "
            f"got {_flags(given) or 'none of them'}"
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
            raise ValueError(f"{_flags(given)} must come with --mla: got no --mla")
        return None
    return proportional_latent(arguments.n_heads, arguments.head_dim, **given)


def _flags(names) -> str:
    return " ".join(map(_flag, names))


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
