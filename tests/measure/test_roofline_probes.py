"""The probes of a run: the best of all passes, and each pass as it was."""

import pytest
import torch

from gqa_core.measure import roofline_probes
from gqa_core.measure.roofline_probes import (
    N_PIECES,
    PIECE_BYTES,
    RooflineProbes,
    last_cache_bytes,
)
from tests.measure.test_timing import FakeClock

CPU = torch.device("cpu")


@pytest.fixture
def fake(monkeypatch):
    """A clock that two kinds of reads and two products move; seconds per piece may be changed."""
    clock = FakeClock()
    clock.piece_s = {"slow": 0.004, "fast": 0.002}
    clock.read_pieces = []

    def reads(piece):
        def read(kind):
            clock.read_pieces.append((kind, piece.data_ptr()))
            clock.work(clock.piece_s[kind])

        return [lambda kind=kind: read(kind) for kind in clock.piece_s]

    monkeypatch.setattr(roofline_probes, "probe_buffer", lambda device: torch.ones(4 * N_PIECES))
    monkeypatch.setattr(roofline_probes, "read_probes", reads)
    products = [(lambda: clock.work(0.001), 1_000_000), (lambda: clock.work(0.002), 8_000_000)]
    monkeypatch.setattr(roofline_probes, "arithmetic_probes", lambda dtype, device: products)
    return clock


def probes(fake, cache_bytes=None):
    made = RooflineProbes(CPU, torch.float32, fake.clock, cache_bytes)
    fake.read_pieces.clear()
    return made


def test_the_fastest_kind_reads_and_the_best_piece_counts(fake):
    made = probes(fake)
    made.read()
    fake.piece_s["fast"] = 0.001  # for a moment
    made.read()
    fake.piece_s["fast"] = 0.010  # a neighbour
    made.read()
    assert {kind for kind, _ in fake.read_pieces} == {"fast"}
    assert made.read_bandwidth == pytest.approx(PIECE_BYTES / 0.001)
    expected = [PIECE_BYTES / seconds for seconds in (0.002, 0.001, 0.010)]
    assert made.bandwidths == pytest.approx(expected)


@pytest.mark.parametrize(
    ("cache_bytes", "n_read"),
    [(None, N_PIECES), (PIECE_BYTES // 4, 1), (PIECE_BYTES, 2), (100 * PIECE_BYTES, N_PIECES)],
)
def test_a_pass_reads_twice_the_cache_or_all_there_is(fake, cache_bytes, n_read):
    made = probes(fake, cache_bytes)
    for _ in range(N_PIECES):
        made.read()
    pieces = [address for _, address in fake.read_pieces]
    assert len(pieces) == N_PIECES * n_read
    assert len(set(pieces)) == N_PIECES  # the pieces take turns


def test_products_take_turns_and_the_best_rate_counts(fake):
    made = probes(fake)
    made.multiply()
    assert made.arithmetic_rate == pytest.approx(1e9)
    made.multiply()
    made.multiply()
    assert made.arithmetic_rate == pytest.approx(4e9)
    results = made.results(overhead_s=3.0)
    assert (results.arithmetic_flops_per_s, results.attend_overhead_s) == (made.arithmetic_rate, 3)


def test_the_size_of_the_last_cache_is_read_or_unknown(tmp_path):
    path = tmp_path / "size"
    assert last_cache_bytes(path) is None
    path.write_text("32768K\n")
    assert last_cache_bytes(path) == 32 * 2**20
    path.write_text("plenty\n")
    assert last_cache_bytes(path) is None
