"""The Triton kernels without a GPU: interpreted, in a process of its own, and block sizes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gqa_core.engine import KVCache
from gqa_core.engine.triton_split_kv.blocks import (
    column_tile,
    grouped_blocks,
    latent_blocks,
    power_of_two,
    split_context,
)

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests" / "engine" / "interpreted").glob("*_cases.py"))
needs_triton = pytest.mark.skipif(sys.platform != "linux", reason="Triton exists for Linux only")


@needs_triton
def test_interpreted_kernels_are_the_definition():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        *map(str, CASES),
    ]
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTEST_ADDOPTS": ""}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]


def test_on_a_cpu_without_the_interpreter_triton_is_refused_by_name():
    k = torch.randn(1, 2, 5, 16)
    with pytest.raises(ValueError, match=r"triton must have a CUDA device .*: got cpu"):
        KVCache.from_tensors(k, k, "triton")


@pytest.mark.parametrize("s", [1, 15, 16, 63, 64, 1000, 8191, 131_072, 2**24])
@pytest.mark.parametrize("n_programs", [1, 8, 131, 4096])
@pytest.mark.parametrize("n_multiprocessors", [4, 132])
def test_chunks_cover_the_context_and_none_is_empty(s, n_programs, n_multiprocessors):
    chunks = split_context(s, 32, n_programs=n_programs, n_multiprocessors=n_multiprocessors)
    assert (chunks.n - 1) * chunks.length < s <= chunks.n * chunks.length
    assert chunks.length % 32 == 0
    assert chunks.n == 1 or chunks.length >= 64


def test_one_head_of_a_long_context_is_split_over_all_multiprocessors():
    assert split_context(131_072, 32, n_programs=1, n_multiprocessors=132).n >= 132
    assert split_context(131_072, 32, n_programs=1000, n_multiprocessors=132).n == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("g", [1, 3, 16, 17, 128])
def test_blocks_are_powers_of_two_of_at_least_16_rows(dtype, g):
    for blocks in (grouped_blocks(dtype, g=g, d=128, v=128), latent_blocks(dtype, h=g)):
        assert blocks.rows >= 16
        assert blocks.tokens >= 16
        assert power_of_two(blocks.rows) == blocks.rows
        assert blocks.n_row_blocks(g) * blocks.rows >= g


def test_tiles_are_powers_of_two_from_16_to_64():
    widths = (1, 16, 17, 64, 80, 576)
    assert [column_tile(width) for width in widths] == [16, 16, 32, 64, 64, 64]


def round_to_tf32(x):
    """float32 with 10 bits after the point, rounded to nearest: what tensor cores multiply."""
    bits = x.view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)


def test_three_products_of_tf32_are_as_precise_as_float32_and_one_is_not():
    """The precision of float32 blocks, which the interpreter does not show."""
    generator = torch.Generator().manual_seed(3)
    a, b = torch.randn(16, 512, generator=generator), torch.randn(512, 16, generator=generator)
    large = [round_to_tf32(x) for x in (a, b)]
    small = [round_to_tf32(x - y) for x, y in zip((a, b), large, strict=True)]
    exact = a.double() @ b.double()
    single = large[0].double() @ large[1].double()
    three = single + large[0].double() @ small[1].double() + small[0].double() @ large[1].double()
    assert (single - exact).norm() / exact.norm() > 1e-4
    assert (three - exact).norm() / exact.norm() < 1e-6
    assert grouped_blocks(torch.float32, g=1, d=64, v=64).precision == "tf32x3"
