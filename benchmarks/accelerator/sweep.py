"""Decode steps of every variant as records, and a crossover."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks.accelerator.session import Session, first_line
from gqa_core import units
from gqa_core.configs import Workload
from gqa_core.measure.decode import measure_decode
from gqa_core.measure.device import free_bytes, use_device
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import DecodeRecord, encode_record
from gqa_core.records.specs.decode import DecodeSpec
from gqa_core.theory.formats import DtypeName

ROOT = Path(__file__).parents[2]
WORKLOADS = (  # (context, batch), the most telling first
    *((8192, 1), (8192, 16), (131072, 1), (32768, 16), (1024, 1), (1024, 16), (32768, 1)),
    (131072, 16),
)
CROSSOVER = (
    "--n-heads 32 --n-kv-heads 8,1 --head-dim 128 --mla --max-context-len 32768 --samples 9 "
    "--dtype bfloat16"
)
CROSSOVER_QUICK = "--n-heads 4 --n-kv-heads 1 --head-dim 16 --max-context-len 16 --samples 1"
MEMORY_SHARE = 0.8  # of the free memory that one point may take
LATEST_START = 1.5  # times the longest point so far: no point is begun with less time left


def sweep(session: Session, report: Callable[[str], None]) -> None:
    """Measure every variant at every workload that fits; records go to the session's file.

    Raises:
        RuntimeError: nothing could be measured.
    """
    device = use_device(session.device)
    run, n_measured, longest = RunHeader.new(), 0, 0.0
    with session.records_path.open("a", encoding="utf-8") as file:
        for point, (name, spec) in enumerate(sweep_specs(session)):
            if session.seconds_left < LATEST_START * longest:
                report(f"no time left from {name} on")
                break
            start = time.monotonic()
            record = measure(spec, session.device, device, run, point, name, report)
            longest = max(longest, time.monotonic() - start)
            if record is not None:
                file.write(encode_record(record) + "\n")
                file.flush()
                report(f"{name}  {describe(record)}")
                n_measured += 1
    if not n_measured:
        raise RuntimeError("a sweep must measure something: got no record")


def measure(
    spec: DecodeSpec,
    device_name: str,
    device: torch.device,
    run: RunHeader,
    point: int,
    name: str,
    report: Callable[[str], None],
) -> DecodeRecord | None:
    """The record of one point; None after a line that says why there is none."""
    gc.collect()
    if device.type != "cpu":
        torch.accelerator.empty_cache()
    if spec.required_bytes > MEMORY_SHARE * free_bytes(device):
        report(f"{name}  left out: it takes {units.capacity(spec.required_bytes)}")
        return None
    try:
        measurement = measure_decode(spec, device_name)
        record = DecodeRecord.from_measurement(spec, measurement, run, point)
        record.validate()
    except Exception as error:  # noqa: BLE001 - the other points go on
        report(f"{name}  not measured: {first_line(error)}")
        return None
    return record


def sweep_specs(session: Session) -> Iterator[tuple[str, DecodeSpec]]:
    """The name and spec of each point: MHA, GQA-8, MQA and absorbed MLA side by side."""
    dtype: DtypeName = "float32" if session.quick else "bfloat16"
    for s, b in ((64, 2),) if session.quick else WORKLOADS:
        for name, layer, kernel in session.variants():
            yield (
                f"{name:<13}{s:>7} x {b:<3}",
                DecodeSpec(
                    attention=layer,
                    workload=Workload(context_len=s, batch_size=b),
                    dtype=dtype,
                    kernel=kernel,
                    n_samples=2 if session.quick else 30,
                ),
            )


def describe(record: DecodeRecord) -> str:
    """Times and bound of a record on one line."""
    attend, step = (min(getattr(record.samples_s, name)) for name in ("attend", "step"))
    share = record.bound_s / attend
    return (
        f"attend {1e6 * attend:>9.1f} us  step {1e6 * step:>9.1f} us  "
        f"bound / attend {share:.2f}  {record.attend_kernel}"
    )


def search_crossover(session: Session, report: Callable[[str], None]) -> None:
    """Run `python -m gqa_core crossover` on the device and report what it answers.

    Raises:
        RuntimeError: the command failed.
    """
    options = CROSSOVER_QUICK if session.quick else CROSSOVER
    command = [sys.executable, "-m", "gqa_core", "crossover", *options.split(), "--no-log"]
    command += ["--device", session.device, "--out", str(session.out / "crossover.jsonl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    for line in done.stderr.splitlines()[-8:]:
        report(line[:200])
    if done.returncode:
        raise RuntimeError(f"crossover must end well: got exit code {done.returncode}")
