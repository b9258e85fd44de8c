"""A session's settings, and running each part in a process of its own, within its time.

An error on a GPU can spoil the process that met it, and a hanging kernel ends only with it. So each
part is forked from a server that has imported torch and touched no GPU; it is killed when its time
is over, and what it wrote until then is kept.
"""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from gqa_core.configs import (
    AttentionConfig,
    GroupedConfig,
    KernelName,
    LatentConfig,
    default_mla_for,
)
from gqa_core.records.specs.decode import LatentForm

__all__ = ["Outcome", "Part", "Session", "run_part"]

GROUPED = (("MHA", 32), ("GQA-8", 8), ("MQA", 1))  # names and K/V heads of 32 query heads
GRACE_S = 5.0  # for a killed process to be gone


@dataclass(frozen=True, slots=True)
class Session:
    """The device under test, where results go, and if everything is to be tiny."""

    device: str
    out: Path
    quick: bool
    deadline: float = float("inf")  # of the running part, by time.monotonic

    @property
    def seconds_left(self) -> float:
        """Seconds until the running part is ended."""
        return self.deadline - time.monotonic()

    @property
    def n_heads(self) -> int:
        """Query heads of every layer."""
        return 8 if self.quick else 32

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        return 16 if self.quick else 128

    def layer(self, n_kv_heads: int) -> GroupedConfig:
        """The layer with as many K/V heads as so many are of 32 query heads, at least one."""
        return GroupedConfig(
            n_heads=self.n_heads,
            n_kv_heads=max(n_kv_heads * self.n_heads // 32, 1),
            head_dim=self.head_dim,
        )

    @property
    def latent_layer(self) -> LatentConfig:
        """The MLA layer for a model of the same width."""
        return default_mla_for(self.n_heads, self.head_dim)

    def variants(self) -> list[tuple[str, AttentionConfig, KernelName | LatentForm]]:
        """The name, layer and kernel of each variant."""
        grouped: list[tuple[str, AttentionConfig, KernelName | LatentForm]] = [
            (name, self.layer(n_kv_heads), "auto") for name, n_kv_heads in GROUPED
        ]
        return [*grouped, ("MLA absorbed", self.latent_layer, "absorbed")]

    @property
    def records_path(self) -> Path:
        """The file of all records, one JSON object per line."""
        return self.out / "records.jsonl"

    def lines_path(self, part: str) -> Path:
        """The file of the lines that a part reports."""
        return self.out / f"{part}.txt"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the script: `run` reports its lines by the function it is given."""

    name: str
    budget_s: float
    run: Callable[[Session, Callable[[str], None]], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a part: `failure` is one line, None where all went well."""

    part: str
    seconds: float
    failure: str | None
    lines: tuple[str, ...]


def run_part(part: Part, session: Session, seconds: float) -> Outcome:
    """The outcome of a part that may take so many seconds."""
    path = session.lines_path(part.name)
    path.unlink(missing_ok=True)
    start = time.monotonic()
    in_time = Session(session.device, session.out, session.quick, start + seconds)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.accelerator.parts"])
    process = context.Process(target=_run, args=(part, in_time))
    process.start()
    process.join(seconds)
    failure = None
    if process.is_alive():
        _kill(process.pid or 0)
        process.join(GRACE_S)
        failure = f"ended after {seconds:.0f} s, its time; what it wrote until then follows"
    elif process.exitcode:
        failure = f"its process ended with exit code {process.exitcode}"
    lines = path.read_text().splitlines() if path.exists() else []
    if lines and lines[-1].startswith(FAILURE):
        failure = lines.pop().removeprefix(FAILURE)
    return Outcome(part.name, time.monotonic() - start, failure, tuple(lines))


FAILURE = "FAILED: "  # how the last line of a part begins that met an error


def _run(part: Part, session: Session) -> None:
    """Run a part in this process; an error becomes its last line."""
    with session.lines_path(part.name).open("a", encoding="utf-8", buffering=1) as file:

        def report(line: str) -> None:
            file.write(f"{line}\n")

        try:
            part.run(session, report)
        except Exception as error:  # noqa: BLE001 - the other parts go on
            traceback.print_exc()
            report(f"{FAILURE}{type(error).__name__}: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """The first line of an error, without torch's advice."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def _kill(pid: int) -> None:
    """Kill a process that this script started, and what it started itself."""
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
