"""Generation really run: both ways give the same tokens, and every length its samples."""

import pytest
import torch

from gqa_core.configs import GroupedConfig
from gqa_core.engine.kernels.dispatch import TORCH_KERNELS
from gqa_core.engine.kernels.plan import SPLIT_KV_MIN_CAPACITY
from gqa_core.engine.layer import PHASES
from gqa_core.engine.split_kv import attention as split_kv
from gqa_core.measure.generate import generate, measure_generate
from gqa_core.measure.timing import Clock
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import GenerateRecord
from gqa_core.records.specs.generate import MODES, GenerateSpec
from tests.tolerances import relative_error

RUN = RunHeader(run_id="run-1", git_commit=None)
LAYER = GroupedConfig(n_heads=2, n_kv_heads=2, head_dim=16)


def a_point(mode="cached", **options):
    given = {"attention": LAYER, "context_lens": (3, 8, 20), "n_samples": 2} | options
    return GenerateSpec(mode=mode, **given)


def test_both_ways_generate_the_same_tokens_and_they_are_not_all_alike():
    cached, recomputed = (
        torch.tensor(measure_generate(a_point(mode), "cpu").outputs) for mode in MODES
    )
    assert relative_error(cached, recomputed) < 1e-5
    assert relative_error(cached[0], cached[-1]) > 1e-3


@pytest.mark.parametrize("mode", MODES)
def test_each_length_has_its_samples_and_a_total_that_rises(mode):
    threads = torch.get_num_threads()
    point = a_point(mode)
    answer = measure_generate(point, "cpu")
    assert answer.memory.tensor_bytes == point.formula_bytes
    assert answer.device.n_threads == 1
    assert torch.get_num_threads() == threads
    for phase in PHASES:
        assert [len(samples) for samples in getattr(answer.samples_s, phase)] == [2, 2, 2]
        totals = getattr(answer.totals_s, phase)
        assert 0 < totals[0] < totals[1] < totals[2]
    record = GenerateRecord.from_measurement(point, answer, RUN, 0)
    assert (record.mode, record.kernel_ran) == (mode, "matmul")
    assert record.workload.context_lens == (3, 8, 20)


@pytest.mark.parametrize(
    ("mode", "kernel", "context_lens", "ran"),
    [
        ("cached", "auto", (20,), "packed"),
        ("cached", "split_kv", (20,), "split_kv"),
        (
            "cached",
            "auto",
            (SPLIT_KV_MIN_CAPACITY,),
            "split_kv",
        ),  # the long cache is laid out for it
        ("recomputed", "eager", (20,), "eager"),
        ("recomputed", "split_kv", (20,), "packed"),  # many tokens come at once
    ],
)
def test_the_kernel_told_is_the_one_that_took_the_last_step(
    mode, kernel, context_lens, ran, monkeypatch
):
    called = []

    def noting(name, attend):
        return lambda *given, **options: (called.append(name), attend(*given, **options))[1]

    for name, run in TORCH_KERNELS.items():
        monkeypatch.setitem(TORCH_KERNELS, name, noting(name, run))
    bound = split_kv.GroupedSplitKV
    monkeypatch.setattr(bound, "attend", noting("split_kv", bound.attend))
    point = a_point(mode, kernel=kernel, context_lens=context_lens, n_samples=1, n_layers=1)
    answer = measure_generate(point, "cpu")
    assert answer.kernel_ran == called[-1] == ran
    record = GenerateRecord.from_measurement(point, answer, RUN, 0)
    record.validate()


def test_totals_count_every_step_once_and_no_repeat():
    ticks = iter(range(10**6))
    clock = Clock(lambda: next(ticks), lambda start, end: end - start, lambda: None)
    steps = []

    def step(tokens, n, on_phase_end):
        steps.append(n)
        for phase in PHASES:
            on_phase_end(phase)
        return tokens[:, n - 1 : n]

    answer = generate(step, torch.ones(1, 1, 4), (2, 5), 3, clock)
    assert steps == [1, 2, 2, 2, 2, 3, 4, 5, 5, 5, 5]
    assert answer.totals["attend"] == [2, 5]
    assert answer.samples["attend"] == [(1, 1, 1), (1, 1, 1)]


def test_a_point_counts_its_bytes():
    # 20 tokens x 2 layers x (K and V) x 2 heads x 16 x 4 B
    assert a_point().formula_bytes == 20 * 2 * 2 * 2 * 16 * 4
    assert a_point("recomputed").formula_bytes == 0
    longer = a_point("recomputed", context_lens=(40_000,))
    assert longer.required_bytes > 2 * 40_000**2 * 16  # scores of two heads


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mode": "guessed"}, "mode must be one of cached, recomputed: got 'guessed'"),
        ({"context_lens": ()}, r"context_len must be lengths that rise: got \[\]"),
        ({"context_lens": (8, 4)}, r"lengths that rise: got \[8, 4\]"),
        ({"context_lens": (0, 4)}, "context_len must be between 1 and"),
        ({"n_samples": 0}, "samples must be between 1 and 10000: got 0"),
        ({"kernel": "paged"}, "kernel must be one of"),
        ({"dtype": "fp8"}, "dtype must be one of"),
    ],
)
def test_a_point_that_cannot_be_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        a_point(**options)
