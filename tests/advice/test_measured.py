"""Measured steps belong to a candidate only under its own heads, users, context and format."""

from dataclasses import replace

import pytest

from gqa_core.advice import AdviceRequest, advise
from gqa_core.configs import ModelConfig
from tests.records import fake_records as samples

LAYER = samples.LAYER
REQUEST = AdviceRequest(
    model=ModelConfig.uniform(replace(LAYER, dim=96), 4),  # a model's width is not its cache's
    weight_bytes=10**9,
    device="CPU",
    memory_bytes=10**10,
    bandwidth_bytes_per_s=10**10,
    kv_format="fp32",
    context_len=64,
    n_users=1,
)


def measured(request=REQUEST, *rows):
    options = advise(request, (), rows or [samples.row()]).options
    return {option.candidate.n_kv_heads: option.measured for option in options if option.measured}


def test_the_newest_usable_step_of_the_layer_counts_with_its_conditions():
    newer = samples.row(step=0.02, created_at="2026-11-24T20:00:00+00:00")
    unusable = samples.row(
        created_at="2026-11-25T20:00:00+00:00",
        attend=samples.UNUSABLE,
        step_samples=samples.UNUSABLE,
    )
    assert not unusable.is_usable
    steps = measured(REQUEST, samples.row(), newer, unusable)
    assert set(steps) == {LAYER.n_kv_heads}
    step = steps[LAYER.n_kv_heads]
    assert (step.step_s, step.device, step.evidence) == (0.02, "A CPU", "measured here")
    assert (step.n_layers, step.dtype, step.kernel) == (1, "float32", "packed")


@pytest.mark.parametrize(
    "changed", [{"kv_format": "bf16"}, {"context_len": 128}, {"n_users": 2}, {"tp": 2}]
)
def test_a_step_under_other_conditions_is_none_of_this_request(changed):
    assert measured(REQUEST)
    assert measured(replace(REQUEST, **changed)) == {}
