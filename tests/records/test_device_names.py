"""Names of devices: those that a run may request, on whatever machine."""

import pytest

from gqa_core.records.device_names import validate_device_name


@pytest.mark.parametrize("name", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:7", "cuda:12"])
def test_a_name_that_some_machine_has_is_returned(name):
    assert validate_device_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "tpu", "CUDA", "cuda:", "cuda:-1", "cuda:01", "cuda:1000", "cuda:1 ", "cuda:\u0661"),
        *("cpu:0", "cuda:0\n", "mps:0", "rocm", "auto,cpu"),
    ],
)
def test_another_name_is_refused_with_the_names_there_are(name):
    with pytest.raises(ValueError, match=r"device must be auto, cpu, cuda, cuda:N or mps: got '"):
        validate_device_name(name)


def test_a_long_name_is_quoted_in_part():
    with pytest.raises(ValueError, match=f"got '{'x' * 40}'$"):
        validate_device_name("x" * 1000)
