"""The Triton kernels compiled for GPUs that are not here: shared memory, registers and spills."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.triton_resources import (
    CAPABILITIES,
    MAX_REGISTERS,
    SHARED_BYTES,
    SMALLEST_SHARED_BYTES,
    _parse_report,
)
from tests.scale import NIGHTLY

ROOT = Path(__file__).parents[1]
MAX_SPILL_BYTES = {"float32": 600, "bfloat16": 0}  # per thread; float32 of 512 columns spills

REPORT = """
ptxas info    : Compiling entry function 'grouped_chunk' for 'sm_80'
ptxas info    : Function properties for grouped_chunk
    240 bytes stack frame, 536 bytes spill stores, 380 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 240 bytes cumulative stack size
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Triton exists for Linux only")
def test_every_kernel_fits_and_few_registers_are_spilled():
    """In a process of its own: compiling fails in one that interprets."""
    options = ["--json"] if NIGHTLY else ["--json", "--quick"]
    environment = {name: x for name, x in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "benchmarks.triton_resources", *options]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {row["capability"] for row in rows} == set(CAPABILITIES)
    for row in rows:
        print(row)
        limit = min(SHARED_BYTES[row["capability"]], SMALLEST_SHARED_BYTES)
        assert 0 < row["shared_bytes"] <= limit, row
        assert 0 < row["registers"] <= MAX_REGISTERS, row
        most = MAX_SPILL_BYTES["float32" if "float32" in row["call"] else "bfloat16"]
        assert max(row["spill_store_bytes"], row["spill_load_bytes"]) <= most, row


def test_the_compiler_s_report_is_read():
    assert _parse_report(REPORT) == (255, 536, 380)


def test_it_refuses_to_compile_in_a_process_that_interprets():
    command = [sys.executable, "-m", "benchmarks.triton_resources", "--quick"]
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "TRITON_INTERPRET must be unset" in ran.stderr
