"""The allocator's peak of a GPU that is not there: above its own baseline, never the CPU's."""

import pytest
import torch

from gqa_core.measure.meter import MemoryMeter


class FakeAllocator:
    """Bytes of tensors alive, and the most since the last reset."""

    def __init__(self):
        self.current, self.peak, self.cached, self.devices = 100, 900, True, []

    def reset(self, device):
        self.devices.append(device)
        self.peak = self.current

    def allocate(self, n_bytes):
        self.current += n_bytes
        self.peak = max(self.peak, self.current)

    def empty(self):
        self.cached = False

    def allocated(self, device):
        assert not self.cached, "unused memory is given back first"
        self.devices.append(device)
        return self.current


@pytest.fixture
def allocator(monkeypatch):
    fake = FakeAllocator()
    for name, value in {
        "empty_cache": fake.empty,
        "memory_allocated": fake.allocated,
        "max_memory_allocated": lambda device: fake.devices.append(device) or fake.peak,
        "reset_peak_memory_stats": fake.reset,
    }.items():
        monkeypatch.setattr(torch.accelerator, name, value)
    monkeypatch.setattr(torch.mps, "empty_cache", fake.empty)
    monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: fake.current)
    return fake


def test_the_peak_counts_from_the_baseline_and_keeps_what_was_freed(allocator):
    device = torch.device("cuda:1")
    meter = MemoryMeter(device)
    allocator.allocate(1000)
    allocator.allocate(-400)
    peaks = meter.read()
    assert peaks.allocator_peak_bytes == 1000
    assert peaks.process_peak_bytes > 0
    assert set(allocator.devices) == {device}


def test_metal_keeps_no_peak_and_tensors_alive_are_counted(allocator):
    meter = MemoryMeter(torch.device("mps"))
    allocator.allocate(1000)
    allocator.allocate(-400)
    assert meter.read().allocator_peak_bytes == 600
    assert allocator.devices == []


def test_a_cpu_has_no_allocator_peak(allocator):
    meter = MemoryMeter(torch.device("cpu"))
    allocator.allocate(1000)
    assert meter.read().allocator_peak_bytes is None
