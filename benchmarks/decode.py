"""python -m benchmarks.decode [--quick] [--device auto]: one decode step's attention, all ways.

Our kernels over their own caches (`split_kv` on a CPU, `auto` on an accelerator), torch's calls
and, on a CPU where it is installed, ONNX Runtime's GroupQueryAttention (float32) attend with the
same query over the same K and V. They take turns in an order that rotates, each after a pass of the
bandwidth probe: so none finds the processor's cache full of what the one before it has read.
Medians are compared within a case.
Every contender's output is held against float64 first. A contender that takes over five times as
long as the fastest is timed in two rounds alone: it decides nothing.

b = 1; head width 128; MLA caches 512 + 64. The bound is max(bytes / read bandwidth, FLOP / matmul
rate), both probed here.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import torch
from torch import Tensor

from benchmarks.onnx_gqa import grouped_attention
from gqa_core.engine import KVCache, LatentCache, decode_attention
from gqa_core.engine.storage import empty
from gqa_core.measure.device import DEVICES, describe, find_device
from gqa_core.measure.probe import matmul_probe, product_flops, product_width, read_probe
from gqa_core.measure.timing import Clock, time_whole
from gqa_core.records.specs.decode import PROBE_BYTES

D, C, R, LATENT_SCALE = 128, 512, 64, 192**-0.5
PRODUCT = 1024  # width of the square matrices of the matmul probe on a CPU
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
OURS = {"cpu": "split_kv"}  # elsewhere `auto`
STOCK = ("eager", "sdpa", "packed", "matmul")
CASES = [("MHA", 32, 32), ("GQA-8", 32, 8), ("MQA", 32, 1)]
LATENT_CASES = [(f"MLA {h} heads", h, None) for h in (16, 32, 128)]

Calls = dict[str, Callable[[], Tensor]]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure every case, print a table a context, write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 3 minutes")
    parser.add_argument("--json", metavar="FILE", help="the rows and the machine")
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="auto: an accelerator")
    arguments = parser.parse_args(argv)
    rounds = 5 if arguments.quick else 15
    device = find_device(arguments.device)
    told = describe(device)
    print(f"{told['name']}, {told['n_threads']} threads, torch {torch.__version__}")
    rows = []
    for s in (1024, 4096, 16384):
        print(f"\n{s} tokens{'':<14}  ours ms   bound ms  ours/bound  best peer     ours/peer")
        for dtype in TOLERANCE:
            for name, h, n_kv_heads in CASES + LATENT_CASES:
                row = measure(name, h, n_kv_heads, s, dtype, rounds, device)
                rows.append(row)
                print(line(row), flush=True)
    if arguments.json:
        header = {
            "created_at": datetime.now(UTC).isoformat(),
            "device": told,
            "torch_version": torch.__version__,
            "python_version": platform.python_version(),
        }
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(header | {"rows": rows}, file, indent=1)


def line(row: dict) -> str:
    """A row of the table."""
    peers = {name: ms for name, ms in row["ms"].items() if name != row["ours"]}
    best, ours = min(peers, key=peers.get), row["ms"][row["ours"]]
    return (
        f"{row['case']:<13}{row['dtype']:<9}{ours:>9.3f}{row['bound_ms']:>11.3f}"
        f"{ours / row['bound_ms']:>12.2f}  {best:<12}{ours / peers[best]:>11.2f}"
    )


def measure(
    name: str,
    h: int,
    n_kv_heads: int | None,
    s: int,
    dtype: torch.dtype,
    rounds: int,
    device: torch.device,
) -> dict:
    """Medians in milliseconds of one case, every contender correct; the bound of the same rounds.

    Raises:
        ValueError: a contender's output is not that of float64.
    """
    torch.manual_seed(3)
    clock, ours = Clock.of(device), OURS.get(device.type, "auto")
    if n_kv_heads is None:
        calls, want, n_bytes, flops = latent_case(h, s, dtype, device, ours)
    else:
        calls, want, n_bytes, flops = grouped_case(h, n_kv_heads, s, dtype, device, ours)
    for who, call in calls.items():
        error = ((call().cpu().double() - want).norm() / want.norm()).item()
        if not error < TOLERANCE[dtype]:
            raise ValueError(
                f"{who} must agree with float64 for {name}: got an error of {error:.1e}"
            )
    read = read_probe(device, clock)
    new_product = partial(matmul_probe, device=device, dtype=dtype)
    width = PRODUCT if device.type == "cpu" else product_width(new_product, clock)
    calls["multiply"] = new_product(width)
    spent: dict[str, list[float]] = {who: [] for who in ("read", *calls)}
    for turn in range(rounds):
        order = list(calls)[turn % len(calls) :] + list(calls)[: turn % len(calls)]
        for who in order:
            if turn < 2 or who not in slow_ones(spent):
                spent["read"].append(time_whole(read, clock))
                spent[who].append(time_whole(calls[who], clock))
    middle = {who: statistics.median(values) for who, values in spent.items()}
    by_bytes = n_bytes / (PROBE_BYTES / middle.pop("read"))
    by_flops = flops / (product_flops(width) / middle.pop("multiply"))
    return {
        "case": name,
        "dtype": str(dtype).removeprefix("torch."),
        "context_len": s,
        "ours": ours,
        "bound_ms": 1e3 * max(by_bytes, by_flops),
        "ms": {who: 1e3 * seconds for who, seconds in middle.items()},
    }


def slow_ones(spent: dict[str, list[float]]) -> set[str]:
    """Those that take over five times as long as the fastest, by their best time so far."""
    best = {who: min(values) for who, values in spent.items() if who not in ("read", "multiply")}
    return {who for who, seconds in best.items() if seconds > 5 * min(best.values())}


def placed(x: Tensor, device: torch.device) -> Tensor:
    """x on the device, in the kind of memory that a cache has: all contenders read alike."""
    return empty(x.shape, dtype=x.dtype, device=device).copy_(x)


def grouped_case(
    h: int, n_kv_heads: int, s: int, dtype: torch.dtype, device: torch.device, ours: str
) -> tuple[Calls, Tensor, int, int]:
    """The contenders of a grouped case, what they must give, bytes read and FLOP."""
    q, k, v = (
        torch.randn(1, n, t, D).to(dtype) for n, t in ((h, 1), (n_kv_heads, s), (n_kv_heads, s))
    )
    rows = q.double().view(1, n_kv_heads, -1, D)
    weights = (rows @ k.double().transpose(-1, -2) * D**-0.5).softmax(dim=-1)
    want = (weights @ v.double()).view(1, h, 1, D)
    q, k, v = (placed(x, device) for x in (q, k, v))
    cache = KVCache.from_tensors(k, v, ours)
    calls: Calls = {ours: lambda: cache.attend(q)}
    calls |= {one: (lambda one=one: decode_attention(q, k, v, kernel=one)) for one in STOCK}
    if dtype == torch.float32 and device.type == "cpu":
        onnx = grouped_attention(q, k, v, torch.get_num_threads())
        calls |= {"onnxruntime": onnx} if onnx else {}
    return calls, want, k.nbytes + v.nbytes, 4 * h * s * D


def latent_case(
    h: int, s: int, dtype: torch.dtype, device: torch.device, ours: str
) -> tuple[Calls, Tensor, int, int]:
    """The same of absorbed MLA; `sdpa` alone has no path for it that ends in time."""
    q, entries = torch.randn(1, h, 1, C + R).to(dtype), torch.randn(1, s, C + R).to(dtype)
    scale = LATENT_SCALE
    weights = (q[0, :, 0].double() @ entries[0].double().T * scale).softmax(dim=-1)
    want = (weights @ entries[0, :, :C].double()).view(1, h, 1, C)
    q, entries = placed(q, device), placed(entries, device)
    cache = LatentCache.from_tensors(entries[..., :C], entries[..., C:], ours)
    k, v = entries[:, None], entries[:, None, :, :C]
    calls: Calls = {ours: lambda: cache.attend(q[..., :C], q[..., C:], scale=scale)}
    calls |= {
        one: (lambda one=one: decode_attention(q, k, v, scale=scale, kernel=one))
        for one in ("packed", "matmul")
    }
    return calls, want, entries.nbytes, 2 * h * s * (2 * C + R)


if __name__ == "__main__":
    main()
