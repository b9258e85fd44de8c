"""The bound of the roofline is one: nothing computes or reads faster than its probes."""

from functools import partial
from itertools import cycle

import pytest
import torch

from gqa_core.engine import KVCache, LatentCache
from gqa_core.engine.kernels.plan import SPLIT_KV
from gqa_core.measure.probe import arithmetic_probes, probe_buffer, read_probes
from gqa_core.measure.timing import Clock, time_whole
from gqa_core.theory.prediction import Probes
from tests.scale import FACTOR

CPU, D, C, R, S = torch.device("cpu"), 128, 512, 64, 4096
NOISE = 0.1  # a memory may be faster in one moment than in all those in which it is probed
N_SLICES, N_ROUNDS = 8, 40 * FACTOR


def grouped(h, k, dtype):
    """A call that attends with h heads over k K/V heads, its bytes and its FLOP."""
    q, keys, values = (torch.randn(1, n, t, D).to(dtype) for n, t in ((h, 1), (k, S), (k, S)))
    cache = KVCache.from_tensors(keys, values, SPLIT_KV)
    return partial(cache.attend, q), keys.nbytes + values.nbytes, 4 * h * S * D


def latent(h, dtype):
    """An attend call over latents, its bytes and its FLOP."""
    q, entries = torch.randn(1, h, 1, C + R).to(dtype), torch.randn(1, S, C + R).to(dtype)
    cache = LatentCache.from_tensors(entries[..., :C], entries[..., C:], SPLIT_KV)
    q_latent, q_rope = q[..., :C], q[..., C:]
    attend = partial(cache.attend, q_latent, q_rope, scale=192**-0.5)
    return attend, entries.nbytes, 2 * h * S * (2 * C + R)


@pytest.mark.alone
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "new_case",
    [
        pytest.param(lambda dtype: grouped(32, 8, dtype), id="GQA-8"),
        pytest.param(lambda dtype: grouped(32, 1, dtype), id="MQA"),
        pytest.param(lambda dtype: latent(16, dtype), id="MLA, 16 heads"),
        pytest.param(lambda dtype: latent(128, dtype), id="MLA, 128 heads"),
    ],
)
@torch.inference_mode()
def test_no_case_is_faster_than_its_bound(new_case, dtype):
    clock, (attend, n_bytes, flops) = Clock.for_device(CPU), new_case(dtype)
    slices = probe_buffer(CPU).view(N_SLICES, -1)
    reads = cycle([call for part in slices for call in read_probes(part)])
    arithmetic = cycle(arithmetic_probes(dtype, CPU))
    bandwidth = rate = 0.0
    seconds = []
    for _ in range(N_ROUNDS):
        for _ in range(3):  # of each kind one; together they evict what the last call has read
            bandwidth = max(bandwidth, slices[0].nbytes / time_whole(next(reads), clock))
        call, call_flops = next(arithmetic)
        rate = max(rate, call_flops / time_whole(call, clock))
        seconds.append(time_whole(attend, clock))
    probes = Probes(read_bandwidth_bytes_per_s=bandwidth, arithmetic_flops_per_s=rate)
    bound_s = probes.bound_s(n_bytes, flops)
    assert min(seconds) >= (1 - NOISE) * bound_s, (bandwidth, rate)
