"""Compiled kernels: right on lesser CPUs, stored for other processes, checked before use."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gqa_core.engine.split_kv import compile_cache
from gqa_core.engine.split_kv.vectors import LANES
from tests.scale import all_or

ROOT = Path(__file__).parents[2]

PROBE = """
import sys, torch
from gqa_core.engine.split_kv import vectors
from gqa_core.engine import KVCache, LatentCache
torch.manual_seed(1)
for case in sys.argv[1:]:
    kind, name = case.split("-")
    dtype = getattr(torch, name)
    tolerance = {"float32": 1e-5, "bfloat16": 2e-2, "float16": 4e-3}[name]
    q, k, v = (torch.randn(1, n, s, 80).to(dtype) for n, s in ((8, 1), (2, 131), (2, 131)))
    if kind == "grouped":
        wide = [x.double().repeat_interleave(4, dim=1) for x in (k, v)]
        want = (q.double() @ wide[0].transpose(-1, -2) * 80**-0.5).softmax(-1) @ wide[1]
        o = KVCache.from_tensors(k, v, kernel="split_kv").attend(q)
    else:
        e = k[:, :1]
        want = (q.double() @ e.double().transpose(-1, -2) * 0.1).softmax(-1) @ e[..., :64].double()
        latent = LatentCache.from_tensors(e[:, 0, :, :64], e[:, 0, :, 64:], kernel="split_kv")
        o = latent.attend(q[..., :64], q[..., 64:], scale=0.1)
    assert (o.double() - want).norm() / want.norm() < tolerance, case
print("lanes", vectors.LANES, vectors.HAS_FMA)
"""
# By day each dtype and each kernel once in all, of which each takes seconds to compile.
PAIRS = [
    f"{kind}-{dtype}"
    for kind in ("grouped", "latent")
    for dtype in ("float32", "bfloat16", "float16")
]
PLAIN = all_or(("grouped-float16", "latent-bfloat16"), PAIRS)
NOT_STORED = all_or(("grouped-float32",), ("grouped-float32", "latent-float32"))


def run_probe(tmp_path, *cases, **environment):
    """The output of PROBE, run in a process with a compile cache of its own."""
    known = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", PROBE, *cases],
        env=os.environ | known | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def compiled(tmp_path):
    return sorted(tmp_path.rglob("*.nb[ic]"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the cache folder is forced by XDG_CACHE_HOME")
def test_the_forms_for_lesser_processors_are_right_and_damaged_compile_caches_do_no_harm(tmp_path):
    # No fast instruction at all: four lanes, multiply and add one after the other.
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    assert run_probe(tmp_path, *PLAIN, **plain) == ["lanes", "4", "False"]
    files = compiled(tmp_path)
    assert len(files) >= 2 + len(PLAIN)  # an index for each of the two kernels
    written = {path: path.stat().st_mtime_ns for path in files}
    assert run_probe(tmp_path, *PLAIN, **plain) == ["lanes", "4", "False"]
    assert {path: path.stat().st_mtime_ns for path in compiled(tmp_path)} == written, "not reused"
    for path in files:
        path.write_bytes(path.read_bytes()[:50] + b"damage" * 20)
    assert run_probe(tmp_path, *all_or(PLAIN[:1], PLAIN), **plain) == ["lanes", "4", "False"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the cache folder is forced by XDG_CACHE_HOME")
def test_without_a_folder_to_write_every_process_compiles_for_itself(tmp_path):
    (tmp_path / "gqa-lab").write_text("a file where a folder should be")
    avx2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+f16c,+sse4.2"}
    is_x86 = LANES in (8, 16)
    environment = avx2 if is_x86 else {}
    lanes = run_probe(tmp_path, *NOT_STORED, **environment)
    assert lanes == ["lanes", "8", "True"] if is_x86 else lanes[0] == "lanes"
    assert not compiled(tmp_path)


def test_a_checksum_is_written_once_and_replaced_whole(tmp_path, monkeypatch):
    """A process that starts meanwhile never finds half of one: it would delete the kernel."""
    monkeypatch.setattr(compile_cache, "_folder", lambda: tmp_path)
    kernel, checksum = tmp_path / "kernel.1.nbc", tmp_path / "kernel.1.nbc.sha256"
    kernel.write_bytes(b"first")
    compile_cache.write_checksums()
    written = checksum.stat()
    with checksum.open() as opened_before:
        compile_cache.write_checksums()
        assert checksum.stat() == written
        kernel.write_bytes(b"second")
        compile_cache.write_checksums()
        assert checksum.read_text() == compile_cache._checksum(kernel)
        assert opened_before.read() == hashlib.sha256(b"first").hexdigest()
    assert {*tmp_path.iterdir()} == {kernel, checksum}
