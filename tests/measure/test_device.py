"""Finding a device, on machines that are not there: names, absences, free memory."""

import types

import pytest
import torch

from gqa_core.measure import device as devices
from gqa_core.measure.device import describe, device_info, find_device, free_bytes, use_device


def machine_with(monkeypatch, kind, n_devices=1):
    """A machine whose torch can use so many accelerators of a kind; returns those made current."""
    current = []
    accelerator = torch.device(kind) if kind else None
    for name, value in {
        "current_accelerator": lambda check_available=False: accelerator,
        "device_count": lambda: n_devices if accelerator else 0,
        "set_device_index": current.append,
    }.items():
        monkeypatch.setattr(torch.accelerator, name, value)
    return current


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        (None, "auto", "cpu"),
        ("cuda", "auto", "cuda"),
        ("mps", "auto", "mps"),
        ("cuda", "cpu", "cpu"),
        ("cuda", "cuda", "cuda"),
        ("cuda", "cuda:1", "cuda:1"),
        ("mps", "mps", "mps"),
    ],
)
def test_a_device_that_is_there_is_found(monkeypatch, kind, name, expected):
    machine_with(monkeypatch, kind, n_devices=2)
    assert find_device(name) == torch.device(expected)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (None, "cuda", r"device must be one that torch \S+ can use here \(cpu\): got 'cuda'"),
        (None, "mps", r"can use here \(cpu\): got 'mps'"),
        ("mps", "cuda:0", r"can use here \(cpu, mps\): got 'cuda:0'"),
        ("cuda", "mps", r"can use here \(cpu, cuda\): got 'mps'"),
        ("cuda", "cuda:2", r"device must be at most cuda:1, the last one here: got 'cuda:2'"),
        ("cuda", "tpu", "device must be auto, cpu, cuda, cuda:N or mps: got 'tpu'"),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_one_sentence(monkeypatch, kind, name, message):
    machine_with(monkeypatch, kind, n_devices=2)
    with pytest.raises(ValueError, match=message):
        find_device(name)


def test_a_device_with_a_number_becomes_the_current_one(monkeypatch):
    current = machine_with(monkeypatch, "cuda", n_devices=2)
    assert use_device("cuda:1") == torch.device("cuda:1")
    assert use_device("cuda") == torch.device("cuda")
    assert use_device("cpu") == torch.device("cpu")
    assert current == [torch.device("cuda:1")]


def test_free_memory_of_a_shared_gpu_is_asked_of_that_gpu(monkeypatch):
    free = {0: 7, 1: 11}
    monkeypatch.setattr(
        torch.accelerator, "get_memory_info", lambda device: (free[device.index], 100)
    )
    assert free_bytes(torch.device("cuda:1")) == 11
    assert free_bytes(torch.device("cuda:0")) == 7


@pytest.mark.parametrize(("machine", "left", "expected"), [(50, 80, 50), (500, 80, 80), (9, -5, 0)])
def test_an_apple_gpu_can_have_what_both_the_machine_and_metal_have_left(
    monkeypatch, machine, left, expected
):
    monkeypatch.setattr(devices.memory, "available_bytes", lambda: machine)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 100 + left)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 100)
    assert free_bytes(torch.device("mps")) == expected


def test_a_gpu_is_described_by_its_own_name(monkeypatch):
    names = {0: "First", 1: "Second"}
    module = types.SimpleNamespace(get_device_name=lambda device: names[device.index])
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    assert describe(torch.device("cuda:1")).name == "Second"
    monkeypatch.setattr(torch, "get_device_module", lambda device: types.SimpleNamespace())
    assert describe(torch.device("mps")).name == "MPS"


@pytest.mark.parametrize(
    ("kind", "n_devices", "names"),
    [
        (None, 0, ("cpu",)),
        ("cuda", 1, ("cuda", "cpu")),
        ("cuda", 3, ("cuda:0", "cuda:1", "cuda:2", "cpu")),
        ("mps", 1, ("mps", "cpu")),
        ("xpu", 2, ("cpu",)),  # torch can use it, as `auto` alone
    ],
)
def test_the_names_of_all_devices_here_can_be_requested(monkeypatch, kind, n_devices, names):
    machine_with(monkeypatch, kind, n_devices)
    assert devices.requestable_names() == names
    for name in names:
        find_device(name)


def test_the_bandwidth_of_a_label_is_two_transfers_per_clock_over_the_bus(monkeypatch):
    # HBM3 of 2,619 MHz on 5,120 bits: 2 x 2.619e9 x 640 B = 3.35e12 B/s
    hbm3 = types.SimpleNamespace(memory_clock_rate=2_619_000, memory_bus_width=5120)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: hbm3)
    assert devices._bandwidth_bytes_per_s(torch.device("cuda")) == pytest.approx(3.352e12, rel=1e-3)
    assert devices._bandwidth_bytes_per_s(torch.device("cpu")) is None
    unknown = types.SimpleNamespace(memory_bus_width=5120)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: unknown)
    assert devices._bandwidth_bytes_per_s(torch.device("cuda")) is None


def test_a_run_may_take_what_is_free_on_a_gpu_less_what_timing_takes(monkeypatch):
    machine_with(monkeypatch, "mps")
    monkeypatch.setattr(devices, "free_bytes", lambda device: 5 * 2**30)
    assert devices.device_info("mps").free_bytes == 3 * 2**30
    assert devices.device_info("cpu").free_bytes == 5 * 2**30
    monkeypatch.setattr(devices, "free_bytes", lambda device: 2**30)
    assert devices.device_info("mps").free_bytes == 0


def test_a_machine_has_a_name_only_where_the_environment_gives_one(monkeypatch):
    monkeypatch.delenv("GQA_MACHINE", raising=False)
    assert device_info("cpu").machine is None
    monkeypatch.setenv("GQA_MACHINE", "node7")
    assert device_info("cpu").machine == device_info("cpu").device.machine == "node7"
    monkeypatch.setenv("GQA_MACHINE", "x" * 65)
    with pytest.raises(ValueError, match="GQA_MACHINE must be a text of 1 to 64 characters"):
        device_info("cpu")
