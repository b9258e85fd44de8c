"""A point really run: what it reports is what the formula says and what was asked."""

import pytest
import torch

from gqa_core.configs import GroupedConfig, Workload, proportional_latent
from gqa_core.engine.layer import PHASES
from gqa_core.engine.reference import reference_attention
from gqa_core.measure.decode import build_layers, measure_decode
from gqa_core.measure.device import describe, find_device, survey
from gqa_core.measure.point import FORMS, DecodePoint
from gqa_core.theory.formats import DTYPE_FORMATS
from tests.closeness import TOLERANCE, relative_error

GQA = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)
MLA = proportional_latent(8, 16)


def a_point(attention, kernel, **how):
    workload = Workload(context_len=how.pop("context_len", 48), batch_size=2)
    return DecodePoint(attention=attention, workload=workload, kernel=kernel, n_samples=4, **how)


@pytest.mark.parametrize("dtype", DTYPE_FORMATS)
@pytest.mark.parametrize(
    ("attention", "kernel"),
    [(GQA, "auto"), (GQA, "eager"), (GQA, "sdpa"), *((MLA, form) for form in FORMS)],
)
def test_a_point_reports_what_ran_and_tensors_equal_to_the_formula(attention, kernel, dtype):
    point = a_point(attention, kernel, dtype=dtype, n_layers=2)
    answer = measure_decode(point, "cpu")
    assert answer["memory"]["tensor_bytes"] == point.formula_bytes
    assert answer["memory"]["formula_bytes"] == point.formula_bytes
    assert answer["memory"]["allocator_peak_bytes"] is None
    assert set(answer["samples_s"]) == {*PHASES, "step"}
    assert all(len(values) == 4 for values in answer["samples_s"].values())
    assert all(value > 0 for values in answer["samples_s"].values() for value in values)
    assert answer["kernel_ran"] == {"auto": "matmul" if dtype == "bfloat16" else "packed"}.get(
        kernel, kernel
    )
    expected = point.formula_bytes / answer["read_bandwidth_bytes_per_s"]
    assert answer["bound_s"] == pytest.approx(expected)
    assert answer["device"] == describe(torch.device("cpu"))


def test_the_peak_of_a_process_covers_the_cache():
    point = a_point(GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=64), "packed", context_len=8192)
    memory = measure_decode(point, "cpu")["memory"]
    rise = memory["process_peak_bytes"] - memory["baseline_bytes"]
    assert rise > 0.9 * point.formula_bytes  # 67 MB of cache, allocated after the baseline


def test_the_same_point_has_the_same_weights_every_time():
    point = a_point(GQA, "auto")
    first, second = (build_layers(point, torch.device("cpu"))[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_device_by_another_name_is_refused():
    with pytest.raises(ValueError, match="device must be one of auto, cpu: got 'tpu'"):
        find_device("tpu")
    assert find_device("cpu") == torch.device("cpu")
    assert survey("cpu")["free_bytes"] > 0


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="no accelerator on this machine")
@pytest.mark.parametrize(("attention", "kernel"), [(GQA, "auto"), *((MLA, form) for form in FORMS)])
def test_an_accelerator_measures_and_agrees_with_float64(attention, kernel):
    point = a_point(attention, kernel, dtype="float32", context_len=1024)
    answer = measure_decode(point, "auto")
    assert answer["device"]["type"] == torch.accelerator.current_accelerator().type
    assert answer["memory"]["tensor_bytes"] == point.formula_bytes
    assert answer["memory"]["allocator_peak_bytes"] >= point.formula_bytes
    layer = build_layers(point, torch.accelerator.current_accelerator())[0]
    cache = layer.new_cache(2, 64)
    with torch.no_grad():
        q, entry = layer.project(
            torch.randn(2, 64, point.attention.dim, device=layer.wo.weight.device), 0
        )
        cache.append(*entry)
        o = layer.attend(q, cache.keys, cache.values).cpu()
    scale = MLA.qk_head_dim**-0.5 if attention is MLA else None
    expected = reference_attention(q.cpu(), cache.keys.cpu(), cache.values.cpu(), scale)
    assert relative_error(o, expected) < TOLERANCE[torch.float32]
