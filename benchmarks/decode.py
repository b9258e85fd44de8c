"""python -m benchmarks.decode [--quick] [--device auto]: compare the attention of a decode step.

Contenders: our kernel over its own cache (`split_kv` on a CPU, `auto` on an accelerator), torch's
calls and, on a CPU where it is installed, ONNX Runtime's GroupQueryAttention (float32). All attend
with the same query over the same K and V. They run in an order that rotates, each after a pass of
a read of 256 MiB, so that none finds its data in the processor's cache. Lower quartiles are
compared within a case: they equal the medians on a quiet machine, and suffer less on a busy one.
Every contender's output is first compared with float64. A contender that takes over five times as
long as the fastest is timed in two rounds only, since it decides nothing.

b = 1; head width 128; MLA caches 512 + 64. The bound is max(bytes / read bandwidth, FLOP / rate of
arithmetic), both probed in the same rounds, each the best of all probes that there are.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle

import msgspec
import torch
from torch import Tensor

from benchmarks.onnx_gqa import grouped_attention
from gqa_core.engine import KVCache, LatentCache, decode_attention
from gqa_core.engine.storage import huge_page_empty
from gqa_core.measure.device import describe, find_device
from gqa_core.measure.probe import arithmetic_probes, probe_buffer, read_probe, read_probes
from gqa_core.measure.timing import Clock, time_whole
from gqa_core.records.device_names import DEVICE_SYNTAX

D, C, R, LATENT_SCALE = 128, 512, 64, 192**-0.5
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
OUR_KERNEL = {"cpu": "split_kv"}  # on other devices `auto`
TORCH_KERNELS = ("eager", "sdpa", "packed", "matmul")
LATENT_TORCH_KERNELS = ("packed", "matmul")  # `sdpa` and `eager` take far too long
CONTEXT_LENS = (1024, 4096, 16384)
N_SLICES = 8  # of the buffer that is read to probe the bandwidth
CASES = [("MHA", 32, 32), ("GQA-8", 32, 8), ("MQA", 32, 1)]
LATENT_CASES = [(f"MLA {h} heads", h, None) for h in (16, 32, 128)]

READ, MULTIPLY = "read", "multiply"  # first words of the probes' names

Call = Callable[[], Tensor]
SizedProbe = tuple[Callable[[], object], int]  # a call, and its FLOP or bytes


@dataclass(frozen=True)
class Case:
    """The contenders of one case, the expected output, and the bytes and FLOP of one call."""

    calls: dict[str, Call]
    expected: Tensor
    n_bytes: int
    flops: int


@dataclass(frozen=True)
class Row:
    """Lower quartiles of one case in milliseconds, by contender, and the bound of its rounds."""

    case: str
    dtype: str
    context_len: int
    our_kernel: str
    bound_ms: float
    ms: dict[str, float]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure every case, print one table per context, and write JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 3 minutes")
    parser.add_argument("--json", metavar="FILE", help="write the rows and the machine")
    parser.add_argument("--device", metavar=DEVICE_SYNTAX, default="cpu", help="auto: accelerator")
    arguments = parser.parse_args(argv)
    rounds = 5 if arguments.quick else 15
    device = find_device(arguments.device)
    description = describe(device)
    threads = f"{description.n_threads} threads"
    print(f"{description.name}, {threads}, torch {torch.__version__}")
    rows = []
    for s in CONTEXT_LENS:
        print(f"\n{s} tokens{'':<14}  ours ms   bound ms  ours/bound  best peer     ours/peer")
        for dtype in TOLERANCE:
            for name, h, n_kv_heads in [*CASES, *LATENT_CASES]:
                row = measure(name, h, n_kv_heads, s, dtype, rounds, device)
                rows.append(row)
                print(line(row), flush=True)
    if arguments.json:
        header = {
            "created_at": datetime.now(UTC).isoformat(),
            "device": msgspec.to_builtins(description),
            "torch_version": torch.__version__,
            "python_version": platform.python_version(),
        }
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(header | {"rows": [asdict(row) for row in rows]}, file, indent=1)


def line(row: Row) -> str:
    """One row of the table."""
    our_ms = row.ms[row.our_kernel]
    peer_ms, peer = min((ms, name) for name, ms in row.ms.items() if name != row.our_kernel)
    return (
        f"{row.case:<13}{row.dtype:<9}{our_ms:>9.3f}{row.bound_ms:>11.3f}"
        f"{our_ms / row.bound_ms:>12.2f}  {peer:<12}{our_ms / peer_ms:>11.2f}"
    )


def measure(
    name: str,
    h: int,
    n_kv_heads: int | None,
    s: int,
    dtype: torch.dtype,
    rounds: int,
    device: torch.device,
) -> Row:
    """The lower quartiles of one case, once every contender's output is checked.

    Raises:
        ValueError: a contender's output differs from that of float64.
    """
    torch.manual_seed(3)
    clock, our_kernel = Clock.for_device(device), OUR_KERNEL.get(device.type, "auto")
    if n_kv_heads is None:
        case = latent_case(h, s, dtype, device, our_kernel)
    else:
        case = grouped_case(h, n_kv_heads, s, dtype, device, our_kernel)
    check_outputs(name, case, TOLERANCE[dtype])
    multiply = named(MULTIPLY, arithmetic_probes(dtype, device))
    read = named(READ, slice_probes(device))
    calls = case.calls | {name: call for name, (call, _) in (read | multiply).items()}
    samples = take_turns(calls, read_probe(device, clock), clock, rounds)
    seconds = {call: lower_quartile(values) for call, values in samples.items()}
    bytes_s = min(case.n_bytes / size * seconds.pop(name) for name, (_, size) in read.items())
    flops_s = min(case.flops / size * seconds.pop(name) for name, (_, size) in multiply.items())
    return Row(
        case=name,
        dtype=str(dtype).removeprefix("torch."),
        context_len=s,
        our_kernel=our_kernel,
        bound_ms=1e3 * max(bytes_s, flops_s),
        ms={call: 1e3 * value for call, value in seconds.items()},
    )


def lower_quartile(values: Sequence[float]) -> float:
    """The value below which a quarter of them lies."""
    return statistics.quantiles(values, n=4, method="inclusive")[0]


def slice_probes(device: torch.device) -> list[SizedProbe]:
    """Calls that each read the next slice of a buffer, and the bytes of a slice.

    A slice left the caches long ago when its turn comes, and is read in about a millisecond: a busy
    machine interrupts a longer pass.
    """
    slices = probe_buffer(device).view(N_SLICES, -1)
    turns = (cycle(calls) for calls in zip(*map(read_probes, slices), strict=True))
    return [(partial(call_next, calls), slices[0].nbytes) for calls in turns]


def call_next(calls: Iterator[Callable[[], object]]) -> None:
    """Make the next of these calls."""
    next(calls)()


def named(name: str, probes: Sequence[SizedProbe]) -> dict[str, SizedProbe]:
    """The probes by name and number."""
    return {f"{name} {i}": probe for i, probe in enumerate(probes)}


def check_outputs(name: str, case: Case, tolerance: float) -> None:
    """Raise ValueError unless every contender's output is that of float64, within a tolerance."""
    for contender, call in case.calls.items():
        difference = call().cpu().double() - case.expected
        error = (difference.norm() / case.expected.norm()).item()
        if not error < tolerance:
            raise ValueError(
                f"{contender} must agree with float64 for {name}: got an error of {error:.1e}"
            )


def take_turns(
    calls: Mapping[str, Callable[[], object]],
    evict: Callable[[], object],
    clock: Clock,
    rounds: int,
) -> dict[str, list[float]]:
    """Seconds of each call, in an order that rotates, each after a call of `evict`."""
    samples: dict[str, list[float]] = {call: [] for call in calls}
    for turn in range(rounds):
        shift = turn % len(calls)
        for call in [*calls][shift:] + [*calls][:shift]:
            if turn < 2 or call not in slow_calls(samples):
                evict()
                samples[call].append(time_whole(calls[call], clock))
    return samples


def slow_calls(samples: dict[str, list[float]]) -> set[str]:
    """The contenders that take over five times as long as the fastest, by their best time."""
    best = {
        call: min(values)
        for call, values in samples.items()
        if values and not call.startswith((READ, MULTIPLY))
    }
    return {call for call, seconds in best.items() if seconds > 5 * min(best.values())}


def on_device(x: Tensor, device: torch.device) -> Tensor:
    """A copy of x on the device, in the kind of memory that caches use, for every contender."""
    return huge_page_empty(x.shape, dtype=x.dtype, device=device).copy_(x)


def grouped_case(
    h: int, n_kv_heads: int, s: int, dtype: torch.dtype, device: torch.device, our_kernel: str
) -> Case:
    """The contenders over K and V of grouped heads."""
    q, k, v = (
        torch.randn(1, n, t, D).to(dtype) for n, t in ((h, 1), (n_kv_heads, s), (n_kv_heads, s))
    )
    rows = q.double().view(1, n_kv_heads, -1, D)
    weights = (rows @ k.double().transpose(-1, -2) * D**-0.5).softmax(dim=-1)
    expected = (weights @ v.double()).view(1, h, 1, D)
    q, k, v = (on_device(x, device) for x in (q, k, v))
    cache = KVCache.from_tensors(k, v, our_kernel)
    calls: dict[str, Call] = {our_kernel: partial(cache.attend, q)}
    calls |= {name: partial(decode_attention, q, k, v, kernel=name) for name in TORCH_KERNELS}
    if dtype == torch.float32 and device.type == "cpu":
        onnx = grouped_attention(q, k, v, torch.get_num_threads())
        calls |= {"onnxruntime": onnx} if onnx else {}
    return Case(calls, expected, k.nbytes + v.nbytes, 4 * h * s * D)


def latent_case(h: int, s: int, dtype: torch.dtype, device: torch.device, our_kernel: str) -> Case:
    """The contenders over the latents of absorbed MLA."""
    q, entries = torch.randn(1, h, 1, C + R).to(dtype), torch.randn(1, s, C + R).to(dtype)
    scale = LATENT_SCALE
    weights = (q[0, :, 0].double() @ entries[0].double().T * scale).softmax(dim=-1)
    expected = (weights @ entries[0, :, :C].double()).view(1, h, 1, C)
    q, entries = on_device(q, device), on_device(entries, device)
    cache = LatentCache.from_tensors(entries[..., :C], entries[..., C:], our_kernel)
    k, v = entries[:, None], entries[:, None, :, :C]
    calls: dict[str, Call] = {our_kernel: lambda: cache.attend(q[..., :C], q[..., C:], scale=scale)}
    calls |= {
        name: partial(decode_attention, q, k, v, scale=scale, kernel=name)
        for name in LATENT_TORCH_KERNELS
    }
    return Case(calls, expected, entries.nbytes, 2 * h * s * (2 * C + R))


if __name__ == "__main__":
    main()
