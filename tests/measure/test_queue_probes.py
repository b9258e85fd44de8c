"""Probes and a decode step timed on a GPU that is not there."""

import pytest
import torch

from gqa_core.configs import GroupedConfig, Workload
from gqa_core.measure import meter, queue_probes
from gqa_core.measure.decode import DecodeStep
from gqa_core.measure.queue_probes import QueueProbes
from gqa_core.measure.step_timer import DeviceTimers
from gqa_core.records.specs.decode import DecodeSpec
from tests.measure.fake_cuda import FakeCuda, install

GPU, CPU = torch.device("cuda"), torch.device("cpu")
N_BYTES = 2**12


@pytest.fixture
def cuda(monkeypatch):
    fake = FakeCuda()
    install(monkeypatch, fake)
    return fake


def test_the_best_of_all_passes_counts_and_launches_do_not(cuda, monkeypatch):
    seconds = {"sum": 400e-6, "dot": 320e-6, "product": 500e-6}
    monkeypatch.setattr(
        queue_probes,
        "read_probes",
        lambda buffer: [
            lambda: cuda.launch(seconds["sum"], "sum"),
            lambda: cuda.launch(seconds["dot"], "dot"),
        ],
    )
    monkeypatch.setattr(
        queue_probes,
        "arithmetic_probes",
        lambda dtype, device: [(lambda: cuda.launch(seconds["product"], "product"), 10**9)],
    )
    probes = QueueProbes(CPU, torch.float32, DeviceTimers(GPU), n_bytes=N_BYTES)
    cuda.log.clear()
    for _ in range(3):
        probes.read()
    probes.multiply()
    assert [entry for entry in cuda.log if entry.startswith("replay")] == [
        *["replay dot"] * 3,
        "replay product",
    ]
    assert probes.bandwidths == pytest.approx([N_BYTES / 320e-6] * 3)
    result = probes.results(overhead_s=1e-6)
    assert result.read_bandwidth_bytes_per_s == pytest.approx(N_BYTES / 320e-6)
    assert result.arithmetic_flops_per_s == pytest.approx(10**9 / 500e-6)


def test_all_timers_of_a_device_share_one_flush_and_one_spin(cuda):
    timers = DeviceTimers(GPU)
    first, second = (timers.for_call(lambda: cuda.launch(1e-3)) for _ in range(2))
    assert first.flush_caches is second.flush_caches
    assert first.spin is second.spin
    assert cuda.log.count("spin") < 30


def test_the_allocator_s_peak_is_read_after_eager_steps_and_before_any_capture(cuda, monkeypatch):
    read = meter.MemoryMeter.read
    monkeypatch.setattr(
        meter.MemoryMeter, "read", lambda self: cuda.log.append("peak") or read(self)
    )
    spec = DecodeSpec(
        attention=GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=16),
        workload=Workload(context_len=32, batch_size=1),
    )
    # Its kernels run on the CPU, and what they would take on a GPU is nothing.
    with torch.inference_mode():
        step = DecodeStep(spec, CPU, DeviceTimers(GPU))
    assert cuda.log.count("peak") == 1
    assert cuda.log.index("peak") < cuda.log.index("capture")
    assert step.time_phases().keys() == {"project", "append", "attend", "output"}
