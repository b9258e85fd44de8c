"""Points: their order in a run, what they take of memory, and what is refused."""

import pytest

from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.records.specs.decode import MAX_PRODUCT_WIDTH, PROBE_BYTES, TORCH_BYTES, decode_specs
from tests.records.fake_records import point

MHA = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)
MQA = GroupedConfig(n_heads=8, n_kv_heads=1, head_dim=16)


def test_variants_stand_side_by_side_at_each_context_and_mla_comes_last_in_both_forms():
    points = decode_specs(grouped=[MHA, MQA], latent=default_mla_for(8, 16), context_lens=[32, 64])
    order = [(p.workload.context_len, p.attention.variant, p.kernel) for p in points]
    variants = [("MHA", "auto"), ("MQA", "auto"), ("MLA", "absorbed"), ("MLA", "naive")]
    assert order == [(32, *name) for name in variants] + [(64, *name) for name in variants]


def test_formula_bytes_of_the_naive_form_are_an_mha_s():
    latent = default_mla_for(8, 16)  # c 64, r 8, nope = v = 16
    assert point(latent, kernel="absorbed").formula_bytes == 64 * (64 + 8) * 4
    assert point(latent, kernel="naive").formula_bytes == 64 * 8 * (16 + 8 + 16) * 4


def test_flops_are_those_of_the_form_that_runs():
    latent = default_mla_for(8, 16)  # c 64, r 8, nope = v = 16
    assert point(latent, kernel="absorbed").flops == 2 * 8 * 64 * (64 + 8 + 64)
    assert point(latent, kernel="naive").flops == 2 * 8 * 64 * (16 + 8 + 16)


def test_required_bytes_hold_cache_weights_work_torch_and_both_probes():
    packed, eager = point(MQA), point(MQA, kernel="eager")
    weights = 4 * (128 * 128 + 2 * 128 * 16 + 128 * 128)
    scores = 8 * 64 * 12
    activations = 4 * 8 * (16 + 16) * (4 + 4)
    probes = PROBE_BYTES + 3 * MAX_PRODUCT_WIDTH**2 * 4
    work = weights + scores + activations + TORCH_BYTES + probes
    assert packed.required_bytes == packed.formula_bytes + work
    assert eager.required_bytes - packed.required_bytes == point(MHA).formula_bytes


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dtype": "fp8"}, "dtype must be one of float32, bfloat16, float16: got 'fp8'"),
        ({"kernel": "naive"}, "kernel must be one of auto, eager"),
        ({"n_samples": 0}, "samples must be between 1 and 10000: got 0"),
        ({"n_layers": 0}, "n_layers must be between 1 and 1000: got 0"),
        (
            {"attention": default_mla_for(8, 16), "kernel": "eager"},
            "kernel of MLA must be absorbed or naive: got 'eager'",
        ),
        (
            {"attention": default_mla_for(8, 6), "kernel": "naive"},
            "qk_rope_head_dim must be even",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        point(**options)
