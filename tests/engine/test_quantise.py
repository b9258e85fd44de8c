"""Quantised vectors: the error of a code, and what happens at the ends of the number line."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gqa_core.configs import QUANTISED_FORMATS
from gqa_core.engine import dequantise, quantise
from gqa_core.engine.quantise import CODE_FORMATS
from tests.scale import FACTOR
from tests.tolerances import relative_error

INT8, FP8 = QUANTISED_FORMATS
MIN_CODE = 2.0**-9  # the smallest subnormal of e4m3
ROUNDING = 1e-5  # of float32 in scale, quotient and product, on top of that of the code


@settings(max_examples=100 * FACTOR, deadline=None)
@given(
    st.lists(st.floats(-(2.0**120), 2.0**120, width=32), min_size=1, max_size=40),
    st.sampled_from(QUANTISED_FORMATS),
)
def test_an_element_is_off_by_half_a_step_of_its_code(numbers, kv_format):
    x = torch.tensor(numbers, dtype=torch.float32)
    codes, scale = quantise(x, kv_format)
    error = (dequantise(codes, scale, torch.float64) - x.double()).abs()
    if kv_format == INT8:
        half_step = (scale / 2).double().expand(x.shape)
    else:  # 3 bits of mantissa, down to the subnormals
        half_step = torch.maximum(x.double().abs() / 16, scale.double() * MIN_CODE / 2)
    assert (error <= half_step * (1 + ROUNDING) + x.double().abs() * ROUNDING).all()
    assert codes.float().abs().max() <= CODE_FORMATS[kv_format].max_code
    assert scale > 0


@pytest.mark.parametrize(("kv_format", "error"), [(INT8, 6.5e-3), (FP8, 2.6e-2)])
def test_the_error_on_normal_values(kv_format, error):
    x = torch.randn(1000, 128, generator=torch.Generator().manual_seed(1))
    got = dequantise(*quantise(x, kv_format), torch.float32)
    assert relative_error(got, x) == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("kv_format", QUANTISED_FORMATS)
def test_zeros_and_tiny_numbers_do_not_divide_by_zero(kv_format):
    x = torch.zeros(3, 8)
    x[1, 2], x[2] = 1e-45, torch.finfo(torch.float32).tiny
    got = dequantise(*quantise(x, kv_format), torch.float32)
    assert got.isfinite().all()
    assert torch.equal(got[0], x[0])


@pytest.mark.parametrize("kv_format", QUANTISED_FORMATS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_vector_that_is_not_finite_reads_as_nan_and_others_as_they_are(kv_format, bad):
    x = torch.randn(2, 8)
    x[1, 3] = bad
    codes, scales = quantise(x, kv_format)
    got = dequantise(codes, scales, torch.float32)
    assert got[1].isnan().all()
    assert got[0].isfinite().all()
    assert not codes.float().isnan().any()  # the kernel reads codes as finite numbers


@pytest.mark.parametrize("kv_format", QUANTISED_FORMATS)
def test_what_float32_cannot_hold_is_nan_and_no_large_number(kv_format):
    x = torch.tensor([[1e300, 1.0]], dtype=torch.float64)
    assert dequantise(*quantise(x, kv_format), torch.float64).isnan().all()


def test_every_code_of_e4m3_comes_back():
    codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
    finite = codes[~codes.float().isnan()].float()
    assert len(finite) == 254
    got, scale = quantise(finite, FP8)
    assert scale == 1
    assert torch.equal(got.float(), finite)
