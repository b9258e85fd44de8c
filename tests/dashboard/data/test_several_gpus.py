"""Each GPU's share by formula, against numbers computed by hand."""

from dataclasses import replace

import pytest

from dashboard.data.several_gpus import copies_by_dcp, copies_by_tp, gpu_shares, smallest_dcp
from dashboard.settings.several_gpus import (
    SeveralGpusSettings,
    dcp_options,
    n_local_ranks,
    tp_options,
)
from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.records.header import DeviceInfo
from tests.records import fake_sharded

LLAMA_3_8B = SeveralGpusSettings(
    n_heads=32,
    n_kv_heads=8,
    head_dim=128,
    context_len=8192,
    batch_size=1,
    n_layers=1,
    dtype="bfloat16",
    tp=8,
    dcp=1,
)


def by_name(settings):
    return {share.name: share for share in gpu_shares(settings)}


def test_eight_gpus_keep_one_k_v_head_each_or_the_whole_latent():
    shares = by_name(LLAMA_3_8B)
    head = 2 * 128 * 2 * 8192  # K and V, 128 elements of 2 bytes, 8192 tokens
    latent = (512 + 64) * 2 * 8192
    expected = {"MHA": 4 * head, "GQA-8": head, "MQA": head, "MLA": latent}
    assert {name: share.kv_bytes for name, share in shares.items()} == expected
    copies = {name: share.copies for name, share in shares.items()}
    assert copies == {"MHA": 1, "GQA-8": 1, "MQA": 8, "MLA": 8}


def test_dcp_splits_the_tokens_and_leaves_one_copy():
    shares = by_name(replace(LLAMA_3_8B, dcp=8))
    assert {share.copies for share in shares.values()} == {1}
    assert {share.gpu_tokens for share in shares.values()} == {1024}
    assert shares["MLA"].kv_bytes == (512 + 64) * 2 * 1024
    uneven = by_name(replace(LLAMA_3_8B, dcp=8, context_len=8193))
    assert uneven["MQA"].gpu_tokens == 1025  # the rank with most


def test_bytes_on_the_wire_follow_the_dtype_and_the_token():
    # all-reduce of 4096 elements of 2 bytes over 8 ranks: 2 x 7 / 8 x 8192 B
    assert by_name(LLAMA_3_8B)["GQA-8"].wire_bytes_per_token == 14336
    assert by_name(replace(LLAMA_3_8B, batch_size=4))["GQA-8"].wire_bytes_per_token == 14336
    assert by_name(replace(LLAMA_3_8B, dtype="float32"))["GQA-8"].wire_bytes_per_token == 28672
    wire = by_name(replace(LLAMA_3_8B, dcp=8))["MLA"].wire
    assert wire.query_gather == 7 * 4 * (512 + 64) * 2
    assert wire.lse_gather == 7 * 32 * 4
    assert wire.output_scatter == 7 * 32 * 512 * 2 // 8


def test_copies_grow_with_tp_and_shrink_with_dcp():
    assert tp_options(LLAMA_3_8B) == [1, 2, 4, 8, 16, 32]
    by_tp = copies_by_tp(LLAMA_3_8B, [1, 8, 32])
    assert by_tp["MHA"] == [(1, 1), (8, 1), (32, 1)]
    assert by_tp["GQA"] == [(1, 1), (8, 1), (32, 4)]
    assert by_tp["MQA"] == by_tp["MLA"] == [(1, 1), (8, 8), (32, 32)]
    by_dcp = copies_by_dcp(replace(LLAMA_3_8B, tp=32))
    assert by_dcp["GQA"] == [(1, 4), (2, 2), (4, 1), (8, 1), (16, 1), (32, 1)]
    assert by_dcp["MLA"][-1] == (32, 1)
    assert smallest_dcp(GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128), 32) == 4
    assert smallest_dcp(default_mla_for(32, 128), 32) == 32


def test_a_run_here_has_no_more_ranks_than_the_page_and_the_machine():
    page = replace(LLAMA_3_8B, tp=8, dcp=4)
    assert (page.on_ranks(2).tp, page.on_ranks(2).dcp) == (2, 2)
    assert (page.on_ranks(3).tp, page.on_ranks(64).tp) == (2, 8)
    assert page.on_ranks(1).tp == 1
    assert replace(page, dcp=1).on_ranks(4).dcp == 1
    odd = replace(LLAMA_3_8B, n_heads=25, n_kv_heads=5, tp=5, dcp=1)
    assert odd.on_ranks(2).tp == 1
    assert dcp_options(odd, 5) == [1, 5]


def test_the_estimate_of_a_run_grows_with_the_bytes_of_all_ranks():
    page = replace(LLAMA_3_8B, tp=2)
    assert [str(spec.decode.layer_name) for spec in page.specs][-2:] == [
        "MLA absorbed",
        "MLA naive",
    ]
    assert len(page.specs) == page.n_points
    short, long = (replace(page, context_len=n).estimate_s for n in (512, 2**20))
    assert 35 < short < 40
    assert long > 10 * short
    copied = replace(page, dcp=2).estimate_s
    assert copied < page.estimate_s  # MQA and MLA are kept once


@pytest.mark.parametrize(
    ("device", "n_ranks"),
    [
        ({"type": "cpu", "n_threads": 6}, 6),
        ({"type": "cuda", "requestable": ("cuda", "cpu")}, 1),
        ({"type": "cuda", "requestable": ("cuda:0", "cuda:1", "cpu")}, 2),
    ],
)
def test_ranks_are_cores_or_gpus(device, n_ranks):
    fields = {"name": "A device", "n_threads": 4, "torch_version": "2.13.0", "free_bytes": 1}
    assert n_local_ranks(DeviceInfo(**fields | device)) == n_ranks


def test_only_records_of_these_heads_and_this_workload_match():
    spec = fake_sharded.spec()
    layer, workload = spec.decode.attention, spec.decode.workload
    settings = replace(
        LLAMA_3_8B,
        n_heads=layer.n_heads,
        n_kv_heads=layer.n_kv_heads,
        head_dim=layer.head_dim,
        context_len=workload.context_len,
        dtype=spec.decode.dtype,
        tp=4,
    )
    record = fake_sharded.record(spec)
    assert settings.matches(record)
    for changed in ({"context_len": 65}, {"n_kv_heads": 4}, {"batch_size": 2}, {"n_layers": 2}):
        assert not replace(settings, **changed).matches(record), changed
