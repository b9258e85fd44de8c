"""Compiling: reported before it happens and only then, stored once, outside every sample."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gqa_core.configs import QUANTISED_FORMATS, GroupedConfig, Workload, default_mla_for
from gqa_core.engine.kernels.plan import uses_split_kv
from gqa_core.measure.prepare import _compiled_for, all_cache_specs
from gqa_core.records.specs.decode import CacheSpec, DecodeSpec
from gqa_core.records.specs.generate import GenerateSpec
from gqa_core.records.specs.growth import POLICIES, GrowthSpec
from gqa_core.records.specs.quality import QualitySpec
from gqa_core.records.specs.verify import COMPARISONS, VerifySpec
from gqa_core.runner.events import progress_line
from gqa_core.runner.workers import Workers
from tests.scale import all_or

ROOT = Path(__file__).parents[2]
COMMON = "--n-heads 2 --head-dim 16 --dtype float16 --kernel split_kv --no-log --out -"
BENCH = f"bench --n-kv-heads 1 --context-len 64 --samples 1 {COMMON}".split()
GENERATE = f"generate --context-len 4 --cached-context-len 8 --samples 2 {COMMON}".split()
GQA = GroupedConfig(n_heads=2, n_kv_heads=1, head_dim=16)

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="the cache folder is forced by XDG_CACHE_HOME"
)


def measure(cache_home, arguments):
    """Records and progress of a run, but for that of samples; its kernels are kept in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "gqa_core", *arguments],
        cwd=ROOT,
        env=os.environ | {"XDG_CACHE_HOME": str(cache_home)},
        capture_output=True,
        text=True,
        check=True,
    )
    progress = [line for line in done.stderr.splitlines() if "samples" not in line]
    return [json.loads(line) for line in done.stdout.splitlines()], progress


@pytest.mark.slow
@on_linux
def test_the_first_run_on_a_machine_says_that_it_compiles_and_the_next_has_no_need_to(tmp_path):
    timing = progress_line(0, 1, "timing MQA with 1 K/V head, context 64, float16")
    done = progress_line(1, 1, "done")
    compiling = progress_line(0, 1, "compiling split_kv for float16, once on this machine")
    (first,), messages = measure(tmp_path, BENCH)
    assert messages == [compiling, timing, done]
    (second,), messages = measure(tmp_path, BENCH)
    assert messages == [timing, done]
    assert first["kernel_ran"] == second["kernel_ran"] == "split_kv"
    records, messages = measure(tmp_path, GENERATE)  # another kind, the same kernel
    assert "split_kv" in {record.get("kernel_ran") for record in records}
    assert not any("compiling" in line for line in messages)


@pytest.mark.slow
@on_linux
def test_where_nothing_can_be_kept_a_run_says_so_and_measures(tmp_path):
    (tmp_path / "gqa-lab").write_text("a file where a folder should be")
    (record,), messages = measure(tmp_path, BENCH)
    text = "compiling split_kv for float16, and in every point: it cannot be stored"
    assert messages[0] == progress_line(0, 1, text)
    assert record["kernel_ran"] == "split_kv"
    assert not [*tmp_path.rglob("*.nb[ic]")]  # so the next run has to say it again


@pytest.mark.slow
@on_linux
@pytest.mark.parametrize("form", all_or(["split_kv"], ["split_kv", "absorbed"]))
def test_a_kernel_is_compiled_before_the_first_sample(form, tmp_path):
    attention = GQA if form == "split_kv" else default_mla_for(2, 16)
    context_len = 64 if form == "split_kv" else 8192
    point = DecodeSpec(
        attention=attention,
        workload=Workload(context_len=context_len),
        kernel=form,
        dtype="float16",
        n_samples=1,
    )
    work = "tests.runner.worker_tasks"
    before, during = Workers(preload=work).call(work, "count_compiles", point, str(tmp_path))
    assert before > 0
    assert during == 0


def lengths(kind, **options):
    return kind(attention=GQA, context_lens=(4, 9), **options)


@pytest.mark.parametrize(
    ("point", "cache_specs"),
    [
        (
            DecodeSpec(attention=GQA, workload=Workload(context_len=9), kernel="packed"),
            [("packed", 9, "float32", False)],
        ),
        *(
            (
                DecodeSpec(
                    attention=default_mla_for(2, 16),
                    workload=Workload(context_len=9),
                    kernel=form,
                    dtype="bfloat16",
                ),
                [("auto", 9, "bfloat16", form == "absorbed")],
            )
            for form in ("absorbed", "naive")
        ),
        (lengths(GenerateSpec, mode="cached", kernel="auto"), [("auto", 9, "float32", False)]),
        (lengths(GenerateSpec, mode="recomputed"), [("matmul", 1, "float32", False)]),
        *(
            (
                lengths(GrowthSpec, policy=policy),
                [("auto", 9, "float32", False)] * (policy == "preallocate"),
            )
            for policy in POLICIES
        ),
        (QualitySpec(start="mean", n_kv_heads=1), []),
    ],
    ids=str,
)
def test_a_point_tells_the_caches_it_lays_out(point, cache_specs):
    assert point.cache_specs == tuple(CacheSpec(*fields) for fields in cache_specs)


def test_comparisons_tell_their_kernel_and_both_caches_of_mla():
    cache_specs_by_name = {
        comparison: VerifySpec(
            comparison=comparison, attention=GQA, workload=Workload(context_len=9)
        ).cache_specs
        for comparison in COMPARISONS
    }
    assert cache_specs_by_name["kernel_split_kv"] == (CacheSpec("split_kv", 9, "float32"),)
    both = (CacheSpec("auto", 9, "float32"), CacheSpec("auto", 9, "float32", is_latent=True))
    assert cache_specs_by_name["absorbed_is_naive"] == both
    assert cache_specs_by_name["gqa_is_mha"] == ()


def test_the_command_prepares_every_kernel_that_a_run_may_compile():
    names = {_compiled_for(spec) for spec in all_cache_specs()}
    formats = ("float32", "bfloat16", "float16", *QUANTISED_FORMATS)
    assert names == {
        *(f"{name}{mla}" for name in formats for mla in ("", ", MLA absorbed")),
        *(f"{name} with bfloat16, MLA absorbed" for name in QUANTISED_FORMATS),
    }
    assert all(
        uses_split_kv(
            spec.kernel,
            dtype=getattr(torch, spec.dtype),
            device=torch.device("cpu"),
            capacity=spec.capacity,
        )
        for spec in all_cache_specs()
    )
