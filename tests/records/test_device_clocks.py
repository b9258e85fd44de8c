"""Clocks of a GPU in a record: bounds, and the sentences that follow from them."""

import msgspec
import pytest

from gqa_core.records.device_clocks import DeviceClocks, clock_warnings, validate_clocks

CLOCKS = DeviceClocks(
    driver_version="580.65.06",
    sm_clock_mhz=1980,
    max_sm_clock_mhz=1980,
    memory_clock_mhz=2619,
    power_w=312.5,
    power_limit_w=700.0,
    temperature_celsius=51,
    throttle_reasons=("application clocks",),
)


def test_clocks_survive_json_and_are_valid():
    decoded = msgspec.json.decode(msgspec.json.encode(CLOCKS), type=DeviceClocks)
    assert decoded == CLOCKS
    validate_clocks(decoded, decoded, "cuda")
    validate_clocks(DeviceClocks(), DeviceClocks(), "cuda")  # a driver that reports nothing
    validate_clocks(None, None, "cpu")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sm_clock_mhz", -1),
        ("memory_clock_mhz", 10**6),
        ("power_limit_w", float("nan")),
        ("power_w", -1.0),
        ("temperature_celsius", 2000),
        ("driver_version", "=1"),
        ("throttle_reasons", ("hot",)),
        ("throttle_reasons", ("idle", "idle")),
    ],
)
def test_a_figure_that_no_gpu_has_is_refused_by_its_name(field, value):
    wrong = msgspec.structs.replace(CLOCKS, **{field: value})
    with pytest.raises(ValueError, match=rf"clocks_after\.{field} must"):
        validate_clocks(CLOCKS, wrong, "cuda")


def test_clocks_come_in_pairs_and_not_of_a_cpu():
    with pytest.raises(ValueError, match="must come together: got clocks_before alone"):
        validate_clocks(CLOCKS, None, "cuda")
    with pytest.raises(ValueError, match="must come together: got clocks_after alone"):
        validate_clocks(None, CLOCKS, "cuda")
    with pytest.raises(ValueError, match="must be null on a CPU"):
        validate_clocks(CLOCKS, CLOCKS, "cpu")


def test_a_capped_hot_or_slower_gpu_is_told_and_an_idle_or_locked_one_is_not():
    hot = msgspec.structs.replace(CLOCKS, throttle_reasons=("idle", "hardware thermal"))
    capped = msgspec.structs.replace(CLOCKS, throttle_reasons=("software power cap",))
    slow = msgspec.structs.replace(CLOCKS, sm_clock_mhz=1800)
    idle = msgspec.structs.replace(CLOCKS, sm_clock_mhz=345, throttle_reasons=("idle",))
    assert clock_warnings(CLOCKS, CLOCKS) == []
    assert clock_warnings(None, None) == []
    assert clock_warnings(idle, CLOCKS) == []
    assert clock_warnings(CLOCKS, idle) == []
    assert clock_warnings(hot, capped) == ["GPU slowed down: software power cap, hardware thermal"]
    assert clock_warnings(CLOCKS, slow) == ["GPU clock fell from 1980 to 1800 MHz"]
