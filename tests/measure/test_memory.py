"""Process and machine memory: what is told follows what is held."""

import pytest

from gqa_core.measure import memory


def test_the_peak_rises_with_what_was_held_and_falls_back_when_reset():
    if not memory.reset_peak():
        pytest.skip("this system cannot reset a process's peak")
    before = memory.peak_bytes()
    block = bytearray(64 * 2**20)
    assert memory.peak_bytes() - before > 60 * 2**20
    del block
    assert memory.reset_peak()
    assert abs(memory.peak_bytes() - memory.resident_bytes()) < 8 * 2**20


def test_a_container_s_limit_counts_and_no_limit_does_not(tmp_path):
    machine = memory.available_bytes(cgroups=())
    group = ((str(tmp_path), "limit", "used"),)
    assert memory.available_bytes(group) == pytest.approx(machine, rel=0.2)
    (tmp_path / "limit").write_text("max\n")
    (tmp_path / "used").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("anon 700\ninactive_file 300\n")
    assert memory.available_bytes(group) == pytest.approx(machine, rel=0.2)
    (tmp_path / "limit").write_text("50000\n")
    assert memory.available_bytes(group) == 49_300
    (tmp_path / "limit").write_text("500\n")
    assert memory.available_bytes(group) == 0
