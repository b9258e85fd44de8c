"""The estimate of a cache's room against public deployments, none of which it is adjusted to."""

from dataclasses import replace

import pytest

from gqa_core import units
from gqa_core.catalog.deployments import public_deployments
from gqa_core.engine_logs.capacity_errors import capacity_errors, predicted_tokens
from gqa_core.theory.memory import kv_bytes_per_token
from gqa_core.theory.overhead import cache_fraction, engine_overhead
from gqa_core.theory.sharding import shard_model
from tests.engine_logs.models import MODELS, grouped

ROWS = {row.name: row for row in public_deployments()}
MODEL_BY_ROW = {
    "Qwen3-235B-A22B-FP8 on 4 x H100": MODELS["Qwen3-235B-A22B"],
    "Llama-3.1-8B on RTX 3090": MODELS["Llama 3.1 8B"],
    "Phi-4 GPTQ on A100": MODELS["Phi-4"],
    "Llama-3.2-3B Q8_0 on RTX 4070 Laptop": MODELS["Llama 3.2 3B"],
    "Qwen2.5-1.5B on T4": grouped(28, 12, 2),
    "Qwen2.5-0.5B on RTX 4090": MODELS["Qwen2.5-0.5B"],
    "Qwen3-30B-A3B-FP8 on 2 x L40S": MODELS["Qwen3-30B-A3B"],
    "Llama-3.1-8B on H100": MODELS["Llama 3.1 8B"],
    "Qwen3.5-9B on 2 x RTX 4090": MODELS["Qwen3.5-9B"],
}


def test_the_median_error_is_at_most_5_percent_and_its_sign_within_2():
    errors = capacity_errors()
    print(
        f"capacity over {errors.n_deployments} public deployments: median error "
        f"{units.percent(errors.median_error)}, signed {100 * errors.median_signed_error:+.1f}%, "
        f"worst {100 * errors.worst_error:+.0f}%"
    )
    assert errors.n_deployments == 9
    assert errors.median_error <= 0.05
    assert abs(errors.median_signed_error) <= 0.02


def test_no_row_but_the_named_one_is_below_its_safe_figure():
    errors = capacity_errors()
    assert errors.above_safe == tuple(name for name, row in ROWS.items() if row.is_exception)
    assert all(ROWS[name].note for name in errors.above_safe)
    for row in ROWS.values():
        assert predicted_tokens(row, is_safe=True) <= predicted_tokens(row)


@pytest.mark.parametrize("name", ROWS)
def test_bytes_per_token_are_those_of_the_formula(name):
    row = ROWS[name]
    rank = shard_model(MODEL_BY_ROW[name], row.n_gpus)
    assert kv_bytes_per_token(rank, "bf16") == row.kv_bytes_per_token
    assert row.has_states == bool(rank.states)


def test_llama_on_an_h100_by_hand():
    # 79.19 GiB x 0.88 - 8,030,261,248 x 2 B - 0.5 GiB, over 131,072 B
    row = ROWS["Llama-3.1-8B on H100"]
    room = 81_091 * units.MIB * 0.88 - 16_060_522_496 - 0.5 * units.GIB
    assert predicted_tokens(row) == int(room / 131_072) == 444_252


def test_weights_of_mixed_formats_by_hand():
    # 13,631,902,720 x 4.15625 / 8 + 1,027,604,480 x 2: GPTQ in groups of 128, embeddings in bf16
    assert ROWS["Phi-4 GPTQ on A100"].weight_bytes == 9_137_408_420


def test_states_take_their_part_of_sglang_s_room_alone():
    hybrid, plain = MODELS["Qwen3.5-9B"], MODELS["Llama 3.1 8B"]
    assert float(cache_fraction("sglang", hybrid)) == pytest.approx(1 / 1.9)
    assert cache_fraction("sglang", plain) == cache_fraction("vllm", hybrid) == 1


def test_an_engine_without_logs_has_the_overhead_of_vllm():
    assert engine_overhead("transformers") == engine_overhead("vllm")
    assert engine_overhead("sglang").expected_bytes == units.GIB // 2


def test_errors_follow_the_rows_that_are_given():
    row = ROWS["Llama-3.1-8B on H100"]
    half = replace(row, tokens=predicted_tokens(row) // 2)
    errors = capacity_errors([half])
    assert errors.worst_error == errors.median_signed_error == pytest.approx(1.0, abs=1e-5)
    assert errors.above_safe == (row.name,)


def test_weights_beyond_the_memory_leave_no_tokens():
    assert predicted_tokens(replace(ROWS["Llama-3.1-8B on H100"], params=10**12)) == 0
