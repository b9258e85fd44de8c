"""Fitted exponents: exact on exact powers, with an error that comes from the scatter."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.theory.fit import EXPECTED_EXPONENTS, fit_power, upper_half

LENGTHS = [64, 128, 256, 512]


@given(st.floats(-3, 4), st.floats(1e-6, 1e3))
def test_an_exact_power_is_fitted_exactly(exponent, factor):
    fit = fit_power(LENGTHS, [factor * n**exponent for n in LENGTHS])
    assert fit.exponent == pytest.approx(exponent, abs=1e-9)
    assert fit.factor == pytest.approx(factor, rel=1e-6)
    assert fit.standard_error == pytest.approx(0, abs=1e-6)
    assert fit.predict(100) == pytest.approx(factor * 100**exponent, rel=1e-6)


def test_the_error_is_that_of_a_least_squares_slope():
    # log2 n = 0, 1, 2 and log2 y = 0, 2, 2: slope 1, residuals -1/3, 2/3, -1/3;
    # error = sqrt(sum of squares / (3 - 2) / 2) = sqrt((6/9) / 2)
    fit = fit_power([1, 2, 4], [1, 4, 4])
    assert fit.exponent == pytest.approx(1)
    assert fit.standard_error == pytest.approx(math.sqrt(1 / 3))


def test_two_points_give_no_error():
    assert fit_power([1, 2], [1, 8]).exponent == pytest.approx(3)
    assert fit_power([1, 2], [1, 8]).standard_error is None


@pytest.mark.parametrize(
    ("lengths", "values", "sentence"),
    [
        ([], [], "two different lengths: got"),
        ([8, 8], [1.0, 2.0], r"two different lengths: got \[8\]"),
        ([8, 16], [1.0, 0.0], "positive numbers: got 0"),
    ],
)
def test_bad_points_are_refused(lengths, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_power(lengths, values)


def test_the_upper_half_starts_at_the_middle_of_a_log_axis():
    assert upper_half([64, 128, 256, 512, 1024]) == [256, 512, 1024]
    assert upper_half([]) == []


def test_sums_of_the_steps_grow_one_power_faster():
    for exponents in EXPECTED_EXPONENTS.values():
        steps = [n**exponents.step for n in range(1, 4097)]
        lengths = [1024, 2048, 4096]
        fit = fit_power(lengths, [sum(steps[:n]) for n in lengths])
        assert fit.exponent == pytest.approx(exponents.total, abs=0.01)
