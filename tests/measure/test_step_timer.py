"""Timing on a GPU that is not there: capture, replay, flush, hidden launches, units, divisions."""

import gc
import weakref

import pytest
import torch

from gqa_core.measure import queue_timer
from gqa_core.measure.flush import Flush, flush_bytes
from gqa_core.measure.queue_marks import MAX_QUEUED
from gqa_core.measure.queue_timer import SHORT_S, replays_per_sample
from gqa_core.measure.spin import MAX_SPIN_S
from gqa_core.measure.step_timer import ClockTimer, DeviceTimers
from tests.measure.fake_cuda import POOL_BYTES, FakeCuda, install

GPU = torch.device("cuda")
PHASE_S = {"project": 30e-6, "append": 2e-6, "attend": 150e-6, "output": 18e-6}
STEP_S = sum(PHASE_S.values())


def step_timer(step, device):
    """The timer of a step on a device."""
    return DeviceTimers(device).for_step(step)


@pytest.fixture
def cuda(monkeypatch):
    fake = FakeCuda()
    install(monkeypatch, fake)
    return fake


def a_step(cuda, n_layers=1, scale=1.0, kernels_per_phase=1):
    """A step of these phases, each of some kernels."""

    def step(on_phase_end):
        for _ in range(n_layers):
            for phase, seconds in PHASE_S.items():
                for _ in range(kernels_per_phase):
                    cuda.launch(scale * seconds / kernels_per_phase, phase)
                on_phase_end(phase)

    return step


def test_a_cpu_is_timed_by_its_clock():
    timer = step_timer(lambda on_phase_end: on_phase_end("attend"), torch.device("cpu"))
    assert isinstance(timer, ClockTimer)
    assert timer.timing.method == "clock"
    assert timer.timing.note is None
    assert set(timer.time_phases()) == {"attend"}
    assert timer.time_whole() > 0


@pytest.mark.parametrize("n_layers", [1, 3])
def test_a_replay_is_timed_in_seconds_and_without_its_launches(cuda, n_layers):
    timer = step_timer(a_step(cuda, n_layers, kernels_per_phase=10), GPU)
    assert timer.timing.method == "graph"
    assert timer.timing.note is None
    assert timer.time_whole() == pytest.approx(n_layers * STEP_S)
    assert timer.time_phases() == pytest.approx(
        {phase: n_layers * seconds for phase, seconds in PHASE_S.items()}
    )


def test_without_the_spin_launches_would_be_timed(cuda):
    timer = step_timer(a_step(cuda, scale=0.01), GPU)
    timer.spin, timer.flush_caches = None, None
    assert timer.time_phases()["append"] > 10 * 0.01 * PHASE_S["append"]


def test_each_sample_spins_then_flushes_then_replays_between_its_events(cuda):
    timer = step_timer(a_step(cuda), GPU)
    cuda.log.clear()
    timer.time_whole()
    expected = "replay project+append+attend+output"
    sample = ["synchronize", "spin", "event", "flush", "event", expected, "event", "synchronize"]
    assert cuda.log == ["synchronize", *sample[1:]]
    cuda.log.clear()
    timer.time_phases()
    replays = [entry for phase in PHASE_S for entry in (f"replay {phase}", "event")]
    assert cuda.log == [*sample[:5], *replays, "synchronize"]


def test_the_step_runs_eagerly_before_it_is_captured_and_never_again(cuda):
    calls = []
    step = a_step(cuda)

    def counted(on_phase_end):
        calls.append(cuda.capturing is not None)
        step(on_phase_end)

    timer = step_timer(counted, GPU)
    for _ in range(3):
        timer.time_whole()
        timer.time_phases()
    assert calls == [False, False, False, True, True]


def test_what_a_step_reads_stays_allocated_as_long_as_its_timer(cuda):
    cache = torch.zeros(4)
    alive = weakref.ref(cache)

    def step(on_phase_end, cache=cache):
        cuda.launch(1e-4)
        on_phase_end("attend")

    timer = step_timer(step, GPU)
    del cache, step
    gc.collect()
    assert alive() is not None, "a replay would read what is no longer there"
    timer.time_whole()
    del timer
    gc.collect()
    assert alive() is None


def test_the_pool_of_the_graphs_is_told_apart(cuda):
    timer = step_timer(a_step(cuda, n_layers=2), GPU)
    n_graphs = 1 + 2 * 4 + 1  # the step, its phases, and what follows the last of them
    assert timer.timing.graph_pool_bytes == n_graphs * POOL_BYTES
    assert timer.timing.flush_bytes == 2 * cuda.properties.L2_cache_size


@pytest.mark.parametrize("scale", [0.05, 0.01])
def test_a_short_step_is_the_mean_of_many_replays_each_after_a_flush(cuda, scale):
    timer = step_timer(a_step(cuda, scale=scale), GPU)
    n = timer.timing.replays_per_sample
    shorter = scale * PHASE_S["attend"]
    assert n == pytest.approx(200e-6 / shorter, abs=1)
    cuda.log.clear()
    assert timer.time_whole() == pytest.approx(scale * STEP_S)
    queued = [entry for entry in cuda.log if entry == "flush" or entry.startswith("replay")]
    assert queued == ["flush", "replay project+append+attend+output"] * n
    assert timer.time_phases()["attend"] == pytest.approx(shorter)


def test_a_step_of_many_layers_is_queued_in_parts_and_no_part_waits_for_the_queue(cuda):
    n_layers = 4 * MAX_QUEUED // 8
    timer = step_timer(a_step(cuda, n_layers), GPU)
    cuda.log.clear()
    assert timer.time_phases() == pytest.approx(
        {phase: n_layers * seconds for phase, seconds in PHASE_S.items()}
    )
    assert cuda.log.count("spin") > 3
    assert timer.timing.note is None


def test_a_queue_that_holds_less_is_filled_less(cuda):
    n_layers = 64
    cuda.queue_len = 100
    timer = step_timer(a_step(cuda, n_layers), GPU)
    assert timer.time_phases() == pytest.approx(
        {phase: n_layers * seconds for phase, seconds in PHASE_S.items()}
    )
    assert timer.max_queued == 64
    assert timer.spin.seconds < 10e-3
    assert timer.timing.note is None


def test_one_late_sample_is_taken_again_and_the_spin_stays(cuda, monkeypatch):
    timer = step_timer(a_step(cuda), GPU)
    seconds, replay, delays = timer.spin.seconds, timer.replay, [1.0]

    def replay_late():
        cuda.now += delays.pop() if delays else 0.0
        replay()

    monkeypatch.setattr(timer, "replay", replay_late)
    assert timer.time_whole() == pytest.approx(STEP_S)
    assert delays == []
    assert timer.spin.seconds == seconds


@pytest.mark.parametrize("max_captures", [0, 1, 3])  # the step, then its phases
def test_a_step_that_cannot_be_captured_is_queued_and_says_so(cuda, max_captures):
    cuda.max_captures = max_captures
    timer = step_timer(a_step(cuda, kernels_per_phase=5), GPU)
    assert cuda.capturing is None, "the stream is left in capture"
    assert cuda.current_stream is cuda.default_stream
    assert timer.timing.method == "queued"
    assert timer.timing.graph_pool_bytes == 0
    assert timer.timing.note == (
        "queued steps: no graph could be captured "
        "(operation not permitted when stream is capturing)"
    )
    assert timer.time_whole() == pytest.approx(STEP_S)
    assert timer.time_phases() == pytest.approx(PHASE_S)


def test_a_sample_that_no_spin_can_hide_is_told(cuda, monkeypatch):
    timer = step_timer(a_step(cuda), GPU)
    spins = []
    monkeypatch.setattr(timer, "replay", lambda: setattr(cuda, "now", cuda.now + 1.0))
    monkeypatch.setattr(
        torch.cuda, "_sleep", lambda cycles: spins.append(cycles) or cuda.launch(cycles / 2e9)
    )
    timer.time_whole()
    assert max(spins) == pytest.approx(MAX_SPIN_S * 2e9, rel=0.02)
    assert timer.spin is None
    assert timer.timing.note == queue_timer.NOT_HIDDEN


def test_a_device_without_graphs_is_timed_over_a_row_of_steps(cuda, monkeypatch):
    timer = step_timer(a_step(cuda), torch.device("mps"))
    assert timer.timing.method == "queued"
    assert timer.timing.flush_bytes == 0
    assert "no graphs" in timer.timing.note
    n = timer.timing.replays_per_sample
    assert n == pytest.approx(1e-3 / PHASE_S["attend"], abs=1)
    cuda.log.clear()
    assert timer.time_whole() == pytest.approx(STEP_S, rel=0.01)
    assert cuda.log.count("event") == 2
    assert cuda.log.count("attend") == n


@pytest.mark.parametrize(
    ("seconds", "is_cold", "n"),
    [
        *((1.0, True, 1), (SHORT_S, True, 1), (10e-6, True, 20), (1e-9, True, 1000)),
        *((2e-3, False, 1), (100e-6, False, 10), (0.0, False, 1000)),
    ],
)
def test_the_number_of_replays_follows_from_the_step_s_time(seconds, is_cold, n):
    assert replays_per_sample(seconds, is_cold=is_cold) == n


def test_the_flush_overwrites_twice_the_last_cache(cuda, monkeypatch):
    assert flush_bytes(GPU) == 100 * 2**20
    assert flush_bytes(torch.device("mps")) == 0
    monkeypatch.setattr(torch.version, "hip", "7.0")
    assert flush_bytes(GPU) == 2 * 256 * 2**20
    flush = Flush(torch.device("cpu"), 2**20)
    flush._buffer.fill_(7)
    flush()
    assert flush.n_bytes == 2**20
    assert not flush._buffer.any()
