"""Number formats: the bytes their sources give for a head of 128, scales included."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig, ModelConfig
from gqa_core.theory.formats import DTYPE_FORMATS, FORMATS, dtype_bytes, number_format
from gqa_core.theory.memory import (
    kv_bytes_per_token,
    kv_elements_per_token,
    layer_bytes_per_token,
)
from gqa_core.theory.sharing import cached_parts
from tests.anchors import DEEPSEEK_V3

LAYER = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128)


@pytest.mark.parametrize(
    ("kv_format", "per_element"),
    [
        ("fp32", 4),
        ("bf16", 2),
        ("fp16", 2),
        ("fp8", 1),
        ("int8_per_token_head", 1.03125),  # 1 + 4 / 128
        ("fp8_per_token_head", 1.03125),
        ("int4_g32", 0.625),  # 1/2 + 4 / 32: fp16 scale and zero point
        ("int4_g64", 0.5625),
        ("int4_g128", 0.53125),
        ("nvfp4", 0.5625),  # 1/2 + 1 / 16: an fp8 scale
        ("q8_0", 1.0625),  # 34 B for 32
        ("q5_1", 0.75),  # 24 B for 32
        ("q5_0", 0.6875),  # 22 B for 32
        ("q4_1", 0.625),  # 20 B for 32
        ("q4_0", 0.5625),  # 18 B for 32
        ("iq4_nl", 0.5625),  # 18 B for 32
    ],
)
def test_bytes_per_element_with_their_scales(kv_format, per_element):
    stored = layer_bytes_per_token(LAYER, kv_format)
    assert stored == per_element * kv_elements_per_token(LAYER)


def test_deepseek_s_fp8_layout_is_656_bytes_per_token_and_layer():
    # 512 fp8 + 4 fp32 scales + 64 bf16
    assert layer_bytes_per_token(DEEPSEEK_V3, "fp8_ds_mla") == 512 + 4 * 4 + 64 * 2 == 656
    with pytest.raises(ValueError, match="kv_format fp8_ds_mla is for MLA alone: got GQA"):
        layer_bytes_per_token(LAYER, "fp8_ds_mla")


def test_a_6_bit_cache_explains_the_93_3_percent_of_the_deepseek_v2_abstract():
    # V2: 576 x 60 layers x 6 / 8 = 25,920 B; DeepSeek 67B: 2 x 8 x 128 x 95 layers x 2 = 389,120 B
    old = ModelConfig.uniform(GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=128), 95)
    assert kv_bytes_per_token(old, "bf16") == 389_120
    assert round(100 * (1 - 576 * 60 * 6 / 8 / 389_120), 1) == 93.3
    assert round(100 * (1 - 576 * 60 * 2 / 389_120), 1) == 82.2


def test_a_partial_block_has_its_own_scale():
    odd = GroupedConfig(n_heads=1, n_kv_heads=1, head_dim=40)
    assert layer_bytes_per_token(odd, "int4_g32") == 2 * (20 + 2 * 4)
    narrow = GroupedConfig(n_heads=4, n_kv_heads=4, head_dim=80)  # blocks run on across heads
    assert layer_bytes_per_token(narrow, "int4_g32") == 2 * 320 * 20 // 32


@pytest.mark.parametrize("kv_format", ["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"])
def test_llama_cpp_has_no_block_that_ends_in_the_next_head(kv_format):
    # llama.cpp: "K cache type q8_0 with block size 32 does not divide n_embd_head_k=80"
    narrow = GroupedConfig(n_heads=4, n_kv_heads=4, head_dim=80)
    sentence = f"head_dim must be a multiple of 32 for kv_format {kv_format}, .*: got 80"
    with pytest.raises(ValueError, match=sentence):
        layer_bytes_per_token(narrow, kv_format)
    values = GroupedConfig(n_heads=4, n_kv_heads=4, head_dim=64, v_head_dim=80)
    with pytest.raises(ValueError, match="v_head_dim must be a multiple of 32"):
        layer_bytes_per_token(values, kv_format)
    assert layer_bytes_per_token(values, f"{kv_format},bf16") > 4 * 80 * 2
    assert layer_bytes_per_token(values, "bf16") == 4 * (64 + 80) * 2


def test_k_and_v_have_formats_of_their_own():
    # 8 heads of 128: K 8 x 4 blocks of 34 B, V 8 x 4 blocks of 18 B
    assert layer_bytes_per_token(LAYER, "q8_0,q4_0") == 32 * 34 + 32 * 18
    assert layer_bytes_per_token(LAYER, "bf16,fp8") == 8 * 128 * (2 + 1)
    assert layer_bytes_per_token(LAYER, "fp8,fp8") == layer_bytes_per_token(LAYER, "fp8")


@pytest.mark.parametrize(
    ("layer", "kv_format", "sentence"),
    [
        (LAYER, "bf16,fp8,fp8", "kv_format must be one name, or that of K and V"),
        (LAYER, "bf16,", "kv_format must be one of fp32, .*: got ''"),
        (LAYER, "bf16, fp8", "kv_format must be one of fp32, .*: got ' fp8'"),
        (LAYER, "bf16,fp8_ds_mla", "kv_format fp8_ds_mla is for MLA alone"),
        (DEEPSEEK_V3, "q8_0,q4_0", "kv_format of MLA must be one name, .*: got 'q8_0,q4_0'"),
    ],
)
def test_formats_that_cannot_be_are_refused(layer, kv_format, sentence):
    with pytest.raises(ValueError, match=sentence):
        layer_bytes_per_token(layer, kv_format)


def test_the_fp8_layout_is_not_extrapolated_to_other_latents():
    with pytest.raises(ValueError, match=r"defined for a latent of 512 \+ 64 alone: got 256 \+ 64"):
        layer_bytes_per_token(replace(DEEPSEEK_V3, kv_lora_rank=256), "fp8_ds_mla")
    narrow = replace(DEEPSEEK_V3, kv_lora_rank=500)
    with pytest.raises(ValueError, match=r"kv_lora_rank.*multiple of 32 for kv_format q8_0"):
        layer_bytes_per_token(narrow, "q8_0")


@given(st.sampled_from(sorted(FORMATS)), st.integers(1, 256), st.integers(1, 64))
def test_more_heads_never_take_fewer_bytes(kv_format, width, count):
    stored = number_format(kv_format)
    assert 0 < stored.row_bytes(width, count) <= stored.row_bytes(width, count + 1)


@pytest.mark.parametrize("kv_format", sorted(FORMATS))
@pytest.mark.parametrize("layer", [LAYER, DEEPSEEK_V3], ids=["GQA", "MLA"])
def test_the_parts_of_a_layer_add_up_to_it(layer, kv_format):
    if layer is LAYER and number_format(kv_format).rope_key_bits is not None:
        return
    parts = cached_parts(layer, kv_format)
    assert sum(part.bytes_per_token for part in parts) == layer_bytes_per_token(layer, kv_format)
    assert sum(part.read_share for part in parts) == pytest.approx(1)


def test_every_format_has_its_source_and_every_dtype_its_format():
    assert all(number_format.source for number_format in FORMATS.values())
    assert {dtype: dtype_bytes(dtype) for dtype in DTYPE_FORMATS} == {
        "float32": 4,
        "bfloat16": 2,
        "float16": 2,
    }
