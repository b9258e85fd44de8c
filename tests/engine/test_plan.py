"""The kernel plan: resolved once, and what it names is what runs and what is recorded."""

import threading

import pytest
import torch

from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.engine import KVCache, LatentCache, decode_attention
from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.kernels.plan import (
    PREFILL_KERNEL,
    SPLIT_KV,
    SPLIT_KV_MIN_CAPACITY,
    KernelPlan,
    plan_kernels,
)
from tests.cpu_kernels import CPU_KERNELS

MHA = GroupedConfig(n_heads=4, n_kv_heads=4, head_dim=8)
GQA = GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=8)
WIDE_V = GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=8, v_head_dim=12)
MLA = LatentConfig(n_heads=4, kv_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=8, v_head_dim=8)
LONG = SPLIT_KV_MIN_CAPACITY


@pytest.mark.parametrize(
    ("config", "dtype", "device", "capacity", "decode", "prefill", "key_layout"),
    [
        (GQA, torch.float32, "cpu", LONG, SPLIT_KV, "packed", "pages"),
        (MLA, torch.bfloat16, "cpu", LONG, SPLIT_KV, "packed", "tokens"),
        (GQA, torch.float32, "cpu", LONG - 1, "packed", "packed", "tokens"),
        (GQA, torch.bfloat16, "cpu", LONG - 1, "matmul", "matmul", "tokens"),
        (WIDE_V, torch.float32, "cpu", LONG - 1, "matmul", "matmul", "tokens"),
        (MHA, torch.float16, "cpu", LONG - 1, "matmul", "matmul", "tokens"),
        (GQA, torch.float16, "cpu", LONG - 1, "packed", "packed", "tokens"),
        (MLA, torch.float32, "cpu", LONG - 1, "matmul", "matmul", "tokens"),
        (MLA, torch.float16, "cpu", LONG - 1, "packed", "packed", "tokens"),
        (GQA, torch.float64, "cpu", LONG, "packed", "packed", "tokens"),
        (GQA, torch.bfloat16, "mps", LONG, "packed", "packed", "tokens"),
        (MLA, torch.bfloat16, "mps", LONG, "packed", "packed", "tokens"),
    ],
)
def test_auto_follows_the_measurements(
    config, dtype, device, capacity, decode, prefill, key_layout
):
    plan = plan_kernels(config, dtype=dtype, device=device, capacity=capacity)
    assert plan == KernelPlan("auto", decode, prefill, key_layout)


@pytest.mark.parametrize("kernel", [name for name in CPU_KERNELS if name != "auto"])
def test_a_kernel_that_is_requested_by_name_is_never_replaced(kernel):
    plan = plan_kernels(GQA, dtype=torch.float32, device="cpu", capacity=4, kernel=kernel)
    assert (plan.requested, plan.decode) == (kernel, kernel)
    assert plan.prefill == (PREFILL_KERNEL if kernel == SPLIT_KV else kernel)


@pytest.mark.parametrize("capacity", [4, LONG])
@pytest.mark.parametrize("kernel", CPU_KERNELS)
def test_the_kernels_of_a_plan_are_those_that_run(kernel, capacity):
    kwargs = {"batch_size": 1, "capacity": capacity, "dtype": torch.float32, "device": "cpu"}
    cache = KVCache(GQA, kernel=kernel, **kwargs)
    latent = LatentCache(MLA, kernel=kernel, **kwargs)
    cache.append(torch.randn(1, 2, 3, 8), torch.randn(1, 2, 3, 8))
    latent.append(torch.randn(1, 3, 8), torch.randn(1, 3, 4))
    for t in (1, 2):
        with record_kernels() as kernels:
            cache.attend(torch.randn(1, 4, t, 8))
        assert kernels.names == {cache.plan.decode if t == 1 else cache.plan.prefill}
        with record_kernels() as kernels:
            latent.attend(torch.randn(1, 4, t, 8), torch.randn(1, 4, t, 4), scale=0.3)
        assert kernels.names == {latent.plan.decode if t == 1 else latent.plan.prefill}


def test_a_failed_call_records_nothing_and_other_threads_are_not_recorded():
    q, k = torch.randn(1, 4, 1, 8), torch.randn(1, 2, 5, 8)
    thread = threading.Thread(target=decode_attention, args=(q, k, k), kwargs={"kernel": "eager"})
    with record_kernels() as kernels:
        with pytest.raises(ValueError, match="split_kv must have a CPU and one of"):
            decode_attention(q.double(), k.double(), k.double(), kernel=SPLIT_KV)
        thread.start()
        thread.join()
    assert (kernels.names, kernels.last) == (set(), None)
    with record_kernels() as outer, record_kernels() as inner:
        decode_attention(q, k, k, kernel="sdpa")
    assert (inner.last, outer.last) == ("sdpa", None)
