"""Correctness: every kernel and form against float64 on the CPU, and the tests that need a GPU."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.accelerator.session import GROUPED, Session, first_line
from gqa_core.configs import KERNEL_NAMES
from gqa_core.engine import KVCache, LatentCache
from gqa_core.engine.reference import reference_attention
from gqa_core.measure.device import use_device

ROOT = Path(__file__).parents[2]
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 4e-3}
TEST_PATHS = ("tests/accelerator", "tests/measure/test_decode.py", "tests/test_benchmarks.py")


def check_kernels(session: Session, report: Callable[[str], None]) -> None:
    """Report the worst error of each kernel and dtype over all shapes.

    Raises:
        ValueError: a kernel's error exceeds its dtype's tolerance, or no kernel could be checked.
    """
    device = use_device(session.device)
    torch.manual_seed(5)
    n_checked, wrong = 0, []
    tolerances = {torch.float32: TOLERANCE[torch.float32]} if session.quick else TOLERANCE
    for dtype, tolerance in tolerances.items():
        for kernel in KERNEL_NAMES:
            for kind, check in (("grouped", grouped_errors), ("latent", latent_errors)):
                name = f"{kind:<8}{kernel:<10}{str(dtype).removeprefix('torch.'):<9}"
                try:
                    errors = list(check(kernel, dtype, device, session))
                except Exception as error:  # noqa: BLE001 - the other kernels go on
                    report(f"{name} not run: {first_line(error)}")
                    continue
                n_checked += len(errors)
                verdict = "ok" if max(errors) < tolerance else "WRONG"
                report(f"{name} {len(errors)} shapes, worst error {max(errors):.1e}  {verdict}")
                if verdict != "ok":
                    wrong.append(name.strip())
    if wrong or not n_checked:
        raise ValueError(f"kernels must agree with float64: got {len(wrong)} that do not: {wrong}")


def contexts(quick: bool) -> tuple[int, ...]:
    """Cached tokens: one, not a multiple of any tile, a power of two, and a long one."""
    return (1, 77) if quick else (1, 77, 1024, 8191)


def grouped_errors(
    kernel: str, dtype: torch.dtype, device: torch.device, session: Session
) -> Iterator[float]:
    """Relative L2 errors of a cache's attention, for MHA, GQA-8 and MQA, batch 1 and 3."""
    for layer in (session.layer(n_kv_heads) for _, n_kv_heads in GROUPED):
        for s in contexts(session.quick):
            for b in (1, 3):
                cache = KVCache(
                    layer, batch_size=b, capacity=s, dtype=dtype, device=device, kernel=kernel
                )
                k, v = (
                    random(b, layer.n_kv_heads, s, layer.head_dim, dtype=dtype) for _ in range(2)
                )
                q = random(b, layer.n_heads, 1, layer.head_dim, dtype=dtype)
                cache.append(k.to(device), v.to(device))
                yield relative_error(cache.attend(q.to(device)), reference_attention(q, k, v))


def latent_errors(
    kernel: str, dtype: torch.dtype, device: torch.device, session: Session
) -> Iterator[float]:
    """Relative L2 errors of absorbed MLA's attention, batch 1 and 3."""
    config = session.latent_layer
    c, r, scale = config.kv_lora_rank, config.qk_rope_head_dim, config.qk_head_dim**-0.5
    for s in contexts(session.quick):
        for b in (1, 3):
            cache = LatentCache(
                config, batch_size=b, capacity=s, dtype=dtype, device=device, kernel=kernel
            )
            entries = random(b, s, c + r, dtype=dtype)
            q = random(b, config.n_heads, 1, c + r, dtype=dtype)
            on_device = entries.to(device)
            cache.append(on_device[..., :c], on_device[..., c:])
            q_there = q.to(device)
            o = cache.attend(q_there[..., :c], q_there[..., c:], scale=scale)
            k = entries[:, None]
            yield relative_error(o, reference_attention(q, k, k[..., :c], scale))


def random(*shape: int, dtype: torch.dtype) -> Tensor:
    """Standard normal values on the CPU, rounded to the dtype."""
    return torch.randn(*shape).to(dtype)


def relative_error(result: Tensor, expected: Tensor) -> float:
    """The relative L2 error of a result on a device."""
    difference = result.cpu().double() - expected.double()
    return (difference.norm() / expected.double().norm()).item()


def run_tests(session: Session, report: Callable[[str], None]) -> None:
    """Run the tests marked `accelerator` and report pytest's last lines.

    Raises:
        RuntimeError: a test failed, or none could be run.
    """
    paths = TEST_PATHS[:1] if session.quick else TEST_PATHS
    command = [sys.executable, "-m", "pytest", "-n", "0", "-m", "accelerator", *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines()[-12:]:
        report(line[:200])
    if done.returncode not in (0, 5):  # 5: none was selected
        raise RuntimeError(f"pytest must pass: got exit code {done.returncode}")
