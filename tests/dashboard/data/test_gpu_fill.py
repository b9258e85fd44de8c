"""Caches that fill a GPU: the last token that fits, users, and GPUs that hold the weights."""

import pytest

from dashboard.data.borrowed_weights import Weights
from dashboard.data.gpu_fill import N_FRAMES, fewest_gpus_plan, frame_tokens, gpu_fill
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import offered
from gqa_core.catalog.devices import devices

H100 = next(device for device in devices() if device.name == "NVIDIA H100 SXM")


def plan(name, weight_gb=None, **changes):
    preset = offered(measuring=False)[name]
    heads = {key: preset.settings[key] for key in ("n_heads", "n_kv_heads", "head_dim", "n_layers")}
    workload = {"context_len": 8192, "batch_size": 1, "kv_format": "bf16"}
    settings = ModelSettings(**heads | workload | changes, base_model=preset.model)
    weight_gb = preset.settings["weights_gb"] if weight_gb is None else weight_gb
    return on_h100(settings, round(weight_gb * 1e9))


def on_h100(settings, weight_bytes):
    memory = {"memory_bytes": H100.usable_bytes, "gpu_source": H100.citation}
    return fewest_gpus_plan(settings, Weights(weight_bytes), gpu=H100.name, **memory)


def test_llama_3_8b_is_full_where_its_arithmetic_ends():
    fill = gpu_fill(plan("Llama 3 8B"))
    # 81,091 MiB x 0.9 - 16.06 GB of weights - 1.28 GiB besides
    room = 81_091 * 2**20 * 9 / 10 - 16.06e9 - round(1.28 * 2**30)
    assert fill.budget_bytes == pytest.approx(room)
    mha = fill.rows["MHA"]
    assert mha.full_tokens == int(room // (2 * 32 * 128 * 32 * 2))  # 524,288 B per token
    assert mha.n_users == mha.full_tokens // 8192 == 13
    mqa, gqa = fill.rows["MQA"], fill.rows["GQA"]
    assert mqa.full_tokens / gqa.full_tokens == pytest.approx(8, rel=1e-4)


@pytest.mark.parametrize("name", ["Llama 3 8B", "gpt-oss 20B", "DeepSeek-V3", "Mistral 7B v0.1"])
def test_full_means_that_what_fits_does_and_one_token_more_does_not(name):
    plan_ = plan(name)
    fill = gpu_fill(plan_)
    assert fill.tokens == frame_tokens(max(row.full_tokens for row in fill.rows.values()))
    for variant, row in fill.rows.items():
        deployment = plan_.deployments[variant]
        assert row.n_users == deployment.max_sequences(8192)
        assert max(row.cache_bytes) == row.cache_bytes[-1] <= fill.budget_bytes
        assert row.cache_bytes[0] == row.users[0] == 0
        users, rest = divmod(row.full_tokens + 1, 8192)
        bytes_more = users * deployment.sequence_bytes(8192)
        bytes_more += deployment.sequence_bytes(rest) if rest else 0
        assert bytes_more > fill.budget_bytes or rest == 0


def test_weights_that_one_gpu_cannot_hold_take_the_fewest_that_can():
    assert plan("Llama 3 8B").shown.n_gpus == 1
    large = plan("Llama 3 70B")
    assert large.shown.n_gpus == 2  # 141 GB
    assert float(large.shown.weight_bytes_per_gpu) == pytest.approx(70.6e9, rel=0.01)


def test_weights_that_are_not_known_or_too_large_fill_nothing():
    known = plan("Llama 3 8B")
    assert gpu_fill(known) is not None
    settings = ModelSettings(
        n_heads=8,
        n_kv_heads=2,
        head_dim=64,
        n_layers=2,
        kv_format="bf16",
        context_len=512,
        batch_size=1,
    )
    assert gpu_fill(on_h100(settings, None)) is None
    assert gpu_fill(on_h100(settings, 10**13)) is None


def test_frames_begin_empty_end_full_and_never_go_back():
    tokens = frame_tokens(10**6)
    assert len(tokens) == N_FRAMES <= 36
    assert (tokens[0], tokens[-1]) == (0, 10**6)
    assert list(tokens) == sorted(tokens)
