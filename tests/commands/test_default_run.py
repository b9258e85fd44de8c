"""bench without --context-len: sizes by the device, unless the command line gives them."""

import pytest

from gqa_core.commands import decode as decode_command
from gqa_core.commands.cli import main
from gqa_core.records.header import DeviceInfo
from gqa_core.runner.workers import WorkerError, Workers

BENCH = ["bench", "--n-heads", "32", "--n-kv-heads", "8", "--head-dim", "128", "--no-log"]
H100 = DeviceInfo(
    type="cuda",
    name="A GPU",
    n_threads=16,
    torch_version="2.13.0",
    free_bytes=80 * 10**9,
    requestable=("cuda", "cpu"),
    bandwidth_bytes_per_s=3.35e12,
)


@pytest.fixture
def specs(monkeypatch):
    """The specs that bench would measure on a GPU of 80 GB, which is asked for by name."""
    measured, devices = [], []
    monkeypatch.setattr(decode_command, "run", lambda specs, options: measured.extend(specs) or 0)

    def call(self, module, function, device):
        assert (module, function) == ("gqa_core.measure.device", "device_info")
        devices.append(device)
        if device == "cuda:7":
            raise ValueError("device must be at most cuda:0, the last one here: got 'cuda:7'")
        if device == "mps":
            raise WorkerError("its process was killed")
        return H100

    monkeypatch.setattr(Workers, "call", call)
    measured_on = type("Measured", (), {"specs": measured, "devices": devices})
    return measured_on


def test_sizes_are_chosen_for_the_device_and_told(specs, capsys):
    assert main([*BENCH, "--device", "cuda:0"]) == 0
    assert specs.devices == ["cuda:0"]
    assert [spec.workload.context_len for spec in specs.specs] == [4096, 16384, 65536]
    assert {(s.workload.batch_size, s.n_layers, s.dtype) for s in specs.specs} == {
        (16, 1, "bfloat16")
    }
    message = "chosen for this device: contexts 4096, 16384, 65536, batch 16, layers 1, bfloat16"
    assert message in capsys.readouterr().err


def test_what_the_command_line_gives_stays(specs, capsys):
    assert main([*BENCH, "--batch-size", "1", "--dtype", "float32"]) == 0
    assert {(s.workload.batch_size, s.n_layers, s.dtype) for s in specs.specs} == {
        (1, 1, "float32")
    }


def test_with_a_context_nothing_is_chosen_and_no_device_asked(specs, capsys):
    assert main([*BENCH, "--context-len", "8192"]) == 0
    assert specs.devices == []
    (spec,) = specs.specs
    assert (spec.workload.context_len, spec.workload.batch_size) == (8192, 1)
    assert (spec.n_layers, spec.dtype) == (1, "float32")
    assert "chosen" not in capsys.readouterr().err


def test_a_device_that_is_not_there_is_one_sentence(specs, capsys):
    assert main([*BENCH, "--device", "cuda:7"]) == 2
    assert "device must be at most cuda:0" in capsys.readouterr().err
    assert main([*BENCH, "--device", "mps"]) == 1
    assert "nothing was measured: its process was killed" in capsys.readouterr().err
    assert specs.specs == []
