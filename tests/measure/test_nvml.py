"""Clocks by a fake NVML: units, missing figures, missing package, the GPU that torch means."""

import sys
import types

import pytest
import torch

from gqa_core.measure.nvml import read_clocks, throttle_reasons
from gqa_core.records.device_clocks import THROTTLE_REASONS, validate_clocks

GPU = torch.device("cuda:1")


class NVMLError(Exception):
    """As pynvml's."""


class FakeNVML(types.ModuleType):
    """Two GPUs, of which torch sees the second as its cuda:1."""

    NVMLError = NVMLError
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self):
        super().__init__("pynvml")
        self.n_open = 0
        self.missing = set()
        self.bits = 0x4 | 0x40

    def _answer(self, name, value):
        assert self.n_open == 1
        if name in self.missing:
            raise NVMLError("Not Supported")
        return value

    def nvmlInit(self):  # noqa: N802 - NVML's name
        if "init" in self.missing:
            raise NVMLError("Driver Not Loaded")
        self.n_open += 1

    def nvmlShutdown(self):  # noqa: N802
        self.n_open -= 1

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        return self._answer("handle", {"GPU-aa-bb": "first", "GPU-cc-dd": "second"}[uuid])

    def nvmlDeviceGetClockInfo(self, handle, kind):  # noqa: N802
        assert handle == "second"
        return self._answer("clock", {1: 1755, 2: 2619}[kind])

    def nvmlDeviceGetMaxClockInfo(self, handle, kind):  # noqa: N802
        return self._answer("max", {1: 1980}[kind])

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        return self._answer("power", 312_500)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle):  # noqa: N802
        return self._answer("limit", 700_000)

    def nvmlDeviceGetTemperature(self, handle, sensor):  # noqa: N802
        return self._answer("temperature", {0: 51}[sensor])

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):  # noqa: N802
        return self._answer("reasons", self.bits)

    def nvmlSystemGetDriverVersion(self):  # noqa: N802
        return self._answer("driver", "580.65.06")


@pytest.fixture
def nvml(monkeypatch):
    fake = FakeNVML()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    uuids = {0: "aa-bb", 1: "cc-dd"}
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda device: types.SimpleNamespace(uuid=uuids[device.index]),
    )
    return fake


def test_figures_are_in_mhz_watts_and_degrees_of_the_gpu_that_torch_means(nvml):
    clocks = read_clocks(GPU)
    assert clocks.sm_clock_mhz == 1755
    assert clocks.max_sm_clock_mhz == 1980
    assert clocks.memory_clock_mhz == 2619
    assert (clocks.power_w, clocks.power_limit_w) == (312.5, 700.0)
    assert clocks.temperature_celsius == 51
    assert clocks.throttle_reasons == ("software power cap", "hardware thermal")
    assert clocks.driver_version == "580.65.06"
    validate_clocks(clocks, clocks, "cuda")
    assert nvml.n_open == 0, "NVML stays open"


def test_a_figure_that_the_driver_declines_is_missing_and_the_rest_is_there(nvml):
    nvml.missing = {"power", "clock", "reasons"}
    clocks = read_clocks(GPU)
    assert clocks.sm_clock_mhz is None
    assert clocks.power_w is None
    assert clocks.throttle_reasons == ()
    assert clocks.power_limit_w == 700.0
    assert nvml.n_open == 0


@pytest.mark.parametrize("missing", ["init", "handle"])
def test_without_a_driver_or_the_gpu_there_are_no_clocks(nvml, missing):
    nvml.missing = {missing}
    assert read_clocks(GPU) is None
    assert nvml.n_open == 0


def test_without_the_package_or_an_nvidia_gpu_there_are_no_clocks(nvml, monkeypatch):
    assert read_clocks(torch.device("cpu")) is None
    assert read_clocks(torch.device("mps")) is None
    monkeypatch.setattr(torch.version, "hip", "7.0")
    assert read_clocks(GPU) is None
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # an import of it fails
    assert read_clocks(GPU) is None


def test_every_bit_has_a_reason_and_one_of_a_newer_driver_is_other():
    assert throttle_reasons(0) == ()
    assert throttle_reasons(0x7FF) == THROTTLE_REASONS[:-1]
    assert throttle_reasons(0x800 | 0x1) == ("idle", "other")
