"""Decode steps of every variant as records, and a crossover."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.accelerator.session import Session, first_line
from gqa_core.configs import Workload
from gqa_core.measure.decode import measure_decode
from gqa_core.measure.device import free_bytes, use_device
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import DecodeRecord, encode_record
from gqa_core.records.quartiles import TimeSummary
from gqa_core.records.specs.decode import DecodeSpec
from gqa_core.runner.groups import group_specs
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
    """Measure the variants of every workload in turns; records go to the session's file.

    Raises:
        RuntimeError: nothing could be measured.
    """
    device = use_device(session.device)
    run, n_measured, longest = RunHeader.new(), 0, 0.0
    with session.records_path.open("a", encoding="utf-8") as file:
        for specs in sweep_specs(session):
            if session.seconds_left < LATEST_START * longest:
                report(f"no time left from {specs[0].condition} on")
                break
            start = time.monotonic()
            for group in group_specs(specs, int(MEMORY_SHARE * free_bytes(device))):
                for record in measure(group, session.device, run, n_measured, report):
                    file.write(encode_record(record) + "\n")
                    file.flush()
                    report(describe(record))
                    n_measured += 1
                release_memory(device)
            longest = max(longest, time.monotonic() - start)
    if not n_measured:
        raise RuntimeError("a sweep must measure something: got no record")


def measure(
    specs: Sequence[DecodeSpec],
    device_name: str,
    run: RunHeader,
    first_point: int,
    report: Callable[[str], None],
) -> Iterator[DecodeRecord]:
    """The records of specs that are measured together, and a line for each that was not."""
    try:
        measurements = measure_decode(specs, device_name)
    except Exception as error:  # noqa: BLE001 - the other groups go on
        report(f"{specs[0].condition}  not measured: {first_line(error)}")
        return
    for index, (spec, measurement) in enumerate(zip(specs, measurements, strict=True)):
        if isinstance(measurement, str):
            report(f"{spec}  not measured: {measurement}")
            continue
        record = DecodeRecord.from_measurement(spec, measurement, run, first_point + index)
        try:
            record.validate()
        except ValueError as error:
            report(f"{spec}  the record is not valid: {error}")
        else:
            yield record


def release_memory(device: torch.device) -> None:
    """Give back what the last group took."""
    gc.collect()
    if device.type != "cpu":
        torch.accelerator.empty_cache()


def sweep_specs(session: Session) -> Iterator[list[DecodeSpec]]:
    """The specs of each workload: MHA, GQA-8, MQA and absorbed MLA side by side."""
    dtype: DtypeName = "float32" if session.quick else "bfloat16"
    for s, b in ((64, 2),) if session.quick else WORKLOADS:
        yield [
            DecodeSpec(
                attention=layer,
                workload=Workload(context_len=s, batch_size=b),
                dtype=dtype,
                kernel=kernel,
                n_samples=2 if session.quick else 30,
            )
            for _, layer, kernel in session.variants()
        ]


def describe(record: DecodeRecord) -> str:
    """Times and bound of a record on one line."""
    samples = record.samples_s
    backend = f" ({record.sdpa_backend})" if record.sdpa_backend else ""
    attend, step = (
        TimeSummary.from_samples(values).p5 for values in (samples.attend, samples.step)
    )
    return (
        f"{record.spec!s:<58} attend {1e6 * attend:>9.1f} us  step {1e6 * step:>9.1f} us  "
        f"bound / attend {record.bound_s / attend:.2f}  {record.attend_kernel}{backend}, "
        f"{record.timing.method}, {len(samples.step)} samples"
        + "".join(f"; {warning}" for warning in record.warnings)
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
