"""The default run by device: enough bytes per step where memory allows, never more than it has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig
from gqa_core.records.default_workload import DefaultWorkload, default_workload

GB = 10**9
LAYER = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128)
MQA_TOKEN = 2 * 2 * 128  # bytes of K and V of one head in 16 bits


def test_a_cpu_measures_what_its_pages_measure():
    expected = DefaultWorkload((1024, 4096, 16384), 1, 1, "float32")
    assert default_workload(LAYER, device_type="cpu", free_bytes=8 * GB) == expected


@pytest.mark.parametrize(
    ("free_bytes", "bandwidth", "expected"),
    [
        # 80 GB, 3.35 TB/s: MHA at 65,536 tokens is 2 x 32 x 128 x 2 B x 65,536 = 1.07 GB per layer
        # and sequence, of which 0.4 x 80 GB hold 29: 16 sequences. MQA then reads 134 MB at 16,384.
        (80 * GB, 3.35e12, DefaultWorkload((4096, 16384, 65536), 16, 1, "bfloat16")),
        # 140 GB, 4.8 TB/s: 56 GB hold 52, so that two layers of 16 fit.
        (140 * GB, 4.8e12, DefaultWorkload((4096, 16384, 65536), 16, 2, "bfloat16")),
        # 24 GB, 1 TB/s: 0.54 GB per layer and sequence, 9.6 GB hold 17; MQA reads 67 MB at 8,192.
        (24 * GB, 1e12, DefaultWorkload((2048, 8192, 32768), 16, 1, "bfloat16")),
        # 4 GB: two sequences.
        (4 * GB, None, DefaultWorkload((2048, 8192, 32768), 2, 1, "bfloat16")),
        # 1 GB: not even one at 32,768.
        (1 * GB, None, DefaultWorkload((2048, 8192), 2, 1, "bfloat16")),
    ],
)
def test_published_gpus_get_steps_worth_timing(free_bytes, bandwidth, expected):
    result = default_workload(
        LAYER, device_type="cuda", free_bytes=free_bytes, bandwidth_bytes_per_s=bandwidth
    )
    assert result == expected


def test_a_slow_device_needs_no_large_batch():
    slow = default_workload(
        LAYER, device_type="mps", free_bytes=30 * GB, bandwidth_bytes_per_s=0.1e12
    )
    assert slow.batch_size * slow.context_lens[1] * MQA_TOKEN >= 100e-6 * 0.1e12
    assert slow.batch_size < 16


@given(
    n_heads=st.sampled_from([1, 8, 32, 128]),
    head_dim=st.sampled_from([16, 64, 128, 256]),
    free_bytes=st.integers(2 * GB, 300 * GB),
    bandwidth=st.one_of(st.none(), st.floats(1e10, 1e13)),
)
def test_the_largest_variant_fits_and_the_least_reads_enough_or_nothing_more_fits(
    n_heads, head_dim, free_bytes, bandwidth
):
    layer = GroupedConfig(n_heads=n_heads, n_kv_heads=n_heads, head_dim=head_dim)
    result = default_workload(
        layer, device_type="cuda", free_bytes=free_bytes, bandwidth_bytes_per_s=bandwidth
    )
    copies = result.batch_size * result.n_layers
    mha_bytes = copies * result.context_lens[-1] * 4 * head_dim * n_heads
    assert mha_bytes <= 0.4 * free_bytes
    is_enough = copies * result.context_lens[len(result.context_lens) // 2] * 4 * head_dim >= (
        100e-6 * (bandwidth or 0)
    )
    is_full = 2 * mha_bytes > 0.4 * free_bytes or copies == 16 * 8
    assert is_enough or is_full
