"""Specs and rows of caches in several number formats."""

import pytest

from gqa_core.configs import QUANTISED_FORMATS, GroupedConfig, Workload, default_mla_for
from gqa_core.records.crossover import pair_with_mha
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.specs.decode import CacheSpec, DecodeSpec, decode_specs
from gqa_core.records.summaries import decode_line
from gqa_core.theory.formats import FORMATS
from tests.records.fake_records import LAYER, point, record

INT8, FP8 = QUANTISED_FORMATS
MHA = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)


def test_formats_of_a_cache_that_runs_are_formats_that_theory_counts():
    assert set(QUANTISED_FORMATS) < set(FORMATS)


def test_a_spec_counts_the_bytes_of_its_format():
    # 64 tokens x 2 K/V heads x (K and V) x (16 codes + a scale of 4 bytes)
    assert point(kv_format=INT8).formula_bytes == 64 * 2 * 2 * (16 + 4)
    assert (
        point(kv_format=INT8, n_layers=3).formula_bytes == 3 * point(kv_format=INT8).formula_bytes
    )
    # one scale for a latent of 64 with its RoPE key of 8
    latent = default_mla_for(8, 16)
    width = latent.kv_lora_rank + latent.qk_rope_head_dim
    absorbed = point(latent, kernel="absorbed", kv_format=FP8)
    assert absorbed.formula_bytes == 64 * (width + 4)


def test_memory_for_a_dequantised_copy_is_required_unless_split_kv_reads_the_codes():
    auto, by_name = point(kv_format=INT8), point(kv_format=INT8, kernel="split_kv")
    assert auto.required_bytes - by_name.required_bytes == 64 * 2 * 32 * (4 + 4 + 4)


def test_a_cache_spec_names_the_format_that_is_compiled_for():
    assert point(kv_format=INT8).cache_specs == (CacheSpec("auto", 64, "float32", False, INT8),)
    absorbed = point(default_mla_for(8, 16), kernel="absorbed", kv_format=FP8)
    assert absorbed.cache_specs == (CacheSpec("auto", 64, "float32", True, FP8),)
    assert point(kv_format="fp32").cache_specs == (CacheSpec("auto", 64, "float32"),)


def test_every_layer_is_measured_in_every_format_once():
    specs = decode_specs(
        grouped=[MHA, LAYER],
        latent=None,
        context_lens=[64],
        kv_formats=["fp32", INT8, INT8],
    )
    assert [(spec.attention, spec.kv_format) for spec in specs] == [
        (MHA, None),
        (MHA, INT8),
        (LAYER, None),
        (LAYER, INT8),
    ]


def test_the_format_of_another_dtype_is_refused():
    workload = Workload(context_len=64)
    with pytest.raises(ValueError, match="kv_format must be one of fp32, int8_per_token_head"):
        DecodeSpec(attention=LAYER, workload=workload, kv_format="bf16")


def test_a_record_and_its_line_name_the_format():
    spec = point(kv_format=INT8)
    decoded = record(spec=spec)
    assert decoded.workload.kv_format == INT8
    assert decoded.spec.kv_format == INT8
    assert DecodeRow.from_record(decoded).kv_format == INT8
    assert decode_line(decoded).endswith(INT8)
    assert INT8 not in decode_line(record(spec=point()))


def test_a_variant_is_compared_with_mha_in_the_same_format():
    rows = [
        DecodeRow.from_record(record(spec=point(layer, kv_format=kv_format)))
        for kv_format in (None, INT8)
        for layer in (MHA, LAYER)
    ]
    (results,) = pair_with_mha(rows).values()
    assert [(result.own.kv_format, result.mha.kv_format) for result in results] == [
        ("fp32", "fp32"),
        (INT8, INT8),
    ]
    assert [result.own.record for result in pair_with_mha(rows[1:3]).get("GQA-2", [])] == []
