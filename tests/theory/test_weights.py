"""Bytes of weights: parameters times the bytes of their format, scales included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import MAX_PARAMS
from gqa_core.theory.weights import BLOCK_BYTES, weight_bytes

PER_PARAMETER = {
    "fp32": 4,
    "bf16": 2,
    "fp16": 2,
    "fp8": 1,
    "int8": 1,
    "int4": 0.5,
    "nvfp4": 0.5625,  # 1/2 + 1 / 16: an fp8 scale
    "mxfp4": 0.53125,  # 1/2 + 1 / 32: an 8-bit exponent
}


def test_bytes_per_parameter_with_their_scales():
    per_parameter = {name: weight_bytes(32_000, name) / 32_000 for name in BLOCK_BYTES}
    assert per_parameter == PER_PARAMETER


def test_llama_3_1_8b_in_bf16_is_16_gigabytes():
    assert weight_bytes(8_030_261_248, "bf16") == 16_060_522_496  # 2 x 8.03 billion


@given(st.integers(1, MAX_PARAMS), st.sampled_from(sorted(BLOCK_BYTES)))
def test_a_partial_byte_counts_as_one(params, weight_format):
    excess = weight_bytes(params, weight_format) * 32 - params * BLOCK_BYTES[weight_format]
    assert 0 <= excess < 32


@pytest.mark.parametrize(
    ("params", "weight_format", "sentence"),
    [
        (0, "bf16", "params must be between 1 and 100000000000000: got 0"),
        (8.03e9, "bf16", "params must be a whole number: got 8030000000.0"),
        (1, "fp6", "weight_format must be one of fp32, bf16, .*, mxfp4: got 'fp6'"),
    ],
)
def test_bad_arguments_are_refused(params, weight_format, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        weight_bytes(params, weight_format)


def test_embeddings_stay_in_16_bits_and_groups_have_scales():
    # Llama-3.1-8B by AWQ or GPTQ with groups of 128: (8.03 - 1.05) x 0.519 + 1.05 x 2 = 5.73 GB
    embeddings = 2 * 128_256 * 4096
    n_bytes = weight_bytes(8_030_261_248, "int4", params_16_bit=embeddings, group_size=128)
    assert n_bytes == pytest.approx(5.73e9, rel=1e-3)
    assert weight_bytes(1280, "int8", group_size=128) == 1280 + 10 * 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weight_format": "fp8", "group_size": 32}, "group_size is for int4 and int8: got 'fp8'"),
        ({"weight_format": "int4", "group_size": 0}, "group_size must be between 1"),
        (
            {"weight_format": "int4", "params_16_bit": 101},
            "params_16_bit must be between 0 and 100",
        ),
    ],
)
def test_what_weights_cannot_have_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        weight_bytes(100, **options)
