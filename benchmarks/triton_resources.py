"""Registers, spills and shared memory of the Triton kernels, compiled for GPUs that are not here.

    python -m benchmarks.triton_resources [--quick] [--json]

Every call is compiled as it would be launched, to a cubin per compute capability; registers and
spills are what `ptxas -v` reports of that compilation, shared memory is what the kernel asks for.
No GPU is needed, and nothing is timed. `--quick` compiles fewer calls; `--json` prints one object
per line.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch

from gqa_core.engine.triton_split_kv.launch import (
    KernelCall,
    call_grouped,
    call_latent,
    call_merge,
)

CAPABILITIES = (80, 90, 100)
SHARED_BYTES = {80: 163 << 10, 90: 227 << 10, 100: 227 << 10}  # per block
SMALLEST_SHARED_BYTES = 99 << 10  # of capability 8.6, 8.9 and 12.0
MAX_REGISTERS = 255  # per thread
GROUPED = [  # dtype, g, d, v: float32, and widths that flash attention cannot serve
    ("float32", 1, 128, 128),
    ("float32", 4, 128, 128),
    ("float32", 32, 128, 128),
    ("float32", 4, 64, 64),
    ("float32", 4, 256, 256),
    ("float32", 1, 192, 128),
    ("bfloat16", 4, 128, 128),
    ("bfloat16", 1, 192, 128),
    ("bfloat16", 32, 192, 128),
    ("bfloat16", 4, 80, 96),
    ("bfloat16", 8, 512, 512),
    ("bfloat16", 16, 576, 512),
]
LATENT = [  # dtype, h, c, r
    ("bfloat16", 16, 512, 64),
    ("bfloat16", 128, 512, 64),
    ("bfloat16", 32, 256, 32),
    ("float32", 16, 512, 64),
    ("float32", 32, 256, 32),
]
QUANTISED = [  # number format of codes, and their dtype; of queries in bfloat16
    ("int8", torch.int8),
    ("fp8", torch.float8_e4m3fn),
]
FP8_MIN_CAPABILITY = 89
QUICK = [GROUPED[1], GROUPED[7], LATENT[1], LATENT[3]]


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources of one kernel on devices of one compute capability."""

    call: str
    capability: int
    n_warps: int
    n_stages: int
    registers: int
    spill_store_bytes: int
    spill_load_bytes: int
    shared_bytes: int


def calls(quick: bool) -> Iterator[tuple[str, KernelCall]]:
    """The calls of all sizes, with a name, over tensors without data."""
    for dtype, g, d, v in (case for case in GROUPED if not quick or case in QUICK):
        shapes = (1, 2 * g, 1, d), (1, 2, 8192, d), (1, 2, 8192, v)
        q, keys, values = (_empty(*shape, dtype=dtype) for shape in shapes)
        call, results = call_grouped(q, keys, values, 0.1, 132)
        yield f"grouped {dtype} g={g} d={d} v={v}", call
    for dtype, h, c, r in (case for case in LATENT if not quick or case in QUICK):
        shapes = (1, h, 1, c), (1, h, 1, r), (1, 8192, c + r)
        call, results = call_latent(*(_empty(*shape, dtype=dtype) for shape in shapes), 0.1, 132)
        yield f"latent {dtype} h={h} c={c} r={r}", call
    for name, dtype in QUANTISED[: 1 if quick else None]:
        yield from _quantised_calls(name, dtype)
    o, lse = _empty(1, 16, 1, 512, dtype="bfloat16"), _empty(1, 16, dtype="float32")
    yield "merge of the last into bfloat16", call_merge(results, o, lse)


def _quantised_calls(name: str, dtype: torch.dtype) -> Iterator[tuple[str, KernelCall]]:
    """Calls over codes of this dtype: 4 queries per K/V head of 128, and 16 heads over a latent."""
    q, codes = _empty(1, 8, 1, 128, dtype="bfloat16"), _empty(1, 2, 8192, 128, dtype="int8")
    scales = _empty(1, 2, 8192, dtype="float32")
    codes = codes.to(dtype)
    yield (
        f"grouped {name} g=4 d=128 v=128",
        call_grouped(q, codes, codes, 0.1, 132, (scales, scales))[0],
    )
    latent, rope = (_empty(1, 16, 1, width, dtype="bfloat16") for width in (512, 64))
    entries = _empty(1, 8192, 576, dtype="int8").to(dtype)
    yield (
        f"latent {name} h=16 c=512 r=64",
        call_latent(latent, rope, entries, 0.1, 132, scales[:, 0])[0],
    )


def compile_call(name: str, call: KernelCall, capability: int) -> Resources:
    """The resources of this call, compiled for devices of this capability."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    source = ASTSource(call.kernel, *_specialise(call))
    triton.knobs.compilation.always_compile = True  # a cached cubin has no report
    triton.knobs.nvidia.dump_ptxas_log = True
    with contextlib.redirect_stdout(io.StringIO()) as report:
        compiled = triton.compile(
            source,
            target=GPUTarget("cuda", capability, 32),
            options={"num_warps": call.n_warps, "num_stages": call.n_stages},
        )
    return Resources(
        name,
        capability,
        call.n_warps,
        call.n_stages,
        *_parse_report(report.getvalue()),
        compiled.metadata.shared,
    )


def _specialise(call: KernelCall) -> tuple[dict, dict, dict]:
    """Signature, constants and attributes, by the rules by which Triton specialises a launch."""
    signature, constants, attributes = {}, dict(call.constants), {}
    for i, (parameter, value) in enumerate(
        zip(call.kernel.params, [*call.args, *call.constants.values()], strict=True)
    ):
        name = parameter.name
        if name in call.constants:
            signature[name] = "constexpr"
            continue
        is_specialised = not parameter.do_not_specialize
        if isinstance(value, int) and value == 1 and is_specialised:
            signature[name], constants[name] = "constexpr", 1
            continue
        signature[name] = _type_name(value)
        is_aligned = isinstance(value, torch.Tensor) or (isinstance(value, int) and value % 16 == 0)
        if is_specialised and is_aligned:
            attributes[(i,)] = [["tt.divisibility", 16]]
    return signature, constants, attributes


def _type_name(value: torch.Tensor | int | float) -> str:
    if isinstance(value, torch.Tensor):
        names = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
        names |= {torch.int8: "i8", torch.float8_e4m3fn: "fp8e4nv"}
        return f"*{names[value.dtype]}"
    return "fp32" if isinstance(value, float) else "i32"


def _parse_report(report: str) -> tuple[int, int, int]:
    """Registers per thread, and bytes of spill stores and of spill loads, as ptxas reports them."""
    (registers,) = re.findall(r"Used (\d+) registers", report)
    ((stores, loads),) = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", report)
    return int(registers), int(stores), int(loads)


def _empty(*shape: int, dtype: str) -> torch.Tensor:
    return torch.empty(*shape, dtype=getattr(torch, dtype), device="meta")


def _print_table(rows: list[Resources]) -> None:
    headers = ["Kernel", "sm", "Warps", "Stages", "Registers", "Spill bytes", "Shared KiB"]
    table = [headers, ["---"] * len(headers)]
    for row in rows:
        spills = f"{row.spill_store_bytes} / {row.spill_load_bytes}"
        shared = f"{row.shared_bytes / 1024:.1f}"
        cells = [row.call, row.capability, row.n_warps, row.n_stages, row.registers, spills, shared]
        table.append([str(cell) for cell in cells])
    for cells in table:
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    """Compile all calls for all capabilities, and print a table or JSON Lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="compile fewer calls")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    options = parser.parse_args()
    if os.environ.get("TRITON_INTERPRET") == "1":
        sys.exit("TRITON_INTERPRET must be unset: kernels are compiled here, not interpreted")
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # the default, said to silence a warning
    rows = []
    for name, call in calls(options.quick):
        for capability in CAPABILITIES:
            if "fp8" in name and capability < FP8_MIN_CAPABILITY:
                continue
            rows.append(compile_call(name, call, capability))
            if options.json:
                print(json.dumps(asdict(rows[-1])), flush=True)
    if not options.json:
        _print_table(rows)


if __name__ == "__main__":
    main()
