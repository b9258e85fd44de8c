"""The probes of the roofline: every byte read, every FLOP computed, the best of several calls."""

import numpy as np
import pytest
import torch

from gqa_core.engine.split_kv.probe_loops import N_STREAMS, VECTORS_PER_STEP
from gqa_core.engine.split_kv.probes import fma_probes, reader
from gqa_core.engine.split_kv.vectors import HAS_BF16_DOT, LANES
from gqa_core.measure import probe
from gqa_core.measure.probe import arithmetic_probes, probe_buffer, read_probe, read_probes
from gqa_core.measure.timing import Clock
from gqa_core.theory.formats import DTYPE_FORMATS

CPU = torch.device("cpu")
DTYPES = [getattr(torch, name) for name in DTYPE_FORMATS]
PER_STEP = N_STREAMS * VECTORS_PER_STEP * LANES  # words that a thread reads in one step


@pytest.fixture
def small_probes(monkeypatch):
    """1 MiB to read and 16 by 16 to multiply, where the speed of this machine does not matter."""
    monkeypatch.setattr(probe, "PROBE_BYTES", 2**20)
    monkeypatch.setattr(probe, "FIRST_WIDTH", 16)
    monkeypatch.setattr(probe, "PRODUCT_S", 0)


@pytest.mark.usefixtures("small_probes")
def test_the_probes_read_all_of_their_bytes():
    summed, dot, own = (call() for call in read_probes(probe_buffer(CPU)))
    numbers = np.ones(probe.PROBE_BYTES // 4, np.float32)
    assert (summed, dot) == (numbers.size, numbers.size / 2)  # two numbers in each product
    assert own == numbers.view(np.int32).sum(dtype=np.int32)
    assert read_probe(CPU, Clock.for_device(CPU))() in (summed, dot, own)


@pytest.mark.parametrize("n_words", [1, 63, PER_STEP, 8 * PER_STEP + 5, 100_003])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_reader_sums_every_word_once(n_words, n_threads):
    words = torch.arange(n_words, dtype=torch.int32) * 7919 + 3
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        assert reader(words)() == words.numpy().sum(dtype=np.int32)
    finally:
        torch.set_num_threads(before)


def test_a_buffer_that_is_not_whole_words_is_refused():
    with pytest.raises(ValueError, match="bytes of the buffer must be a multiple of 4: got 6"):
        reader(torch.zeros(3, dtype=torch.bfloat16))


@pytest.mark.usefixtures("small_probes")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_product_and_multiply_adds_of_our_own_compute_the_flop_they_claim(dtype):
    (product, product_flops), *own = arithmetic_probes(dtype, CPU)
    assert product_flops == 2 * product().double().sum()
    assert len(own) == len(fma_probes(dtype)) == 1 + (dtype == torch.bfloat16 and HAS_BF16_DOT)
    for call, flops in own:  # each product adds one to a sum: a multiply and an add
        assert 2 * call().sum(dtype=np.float64) == flops
