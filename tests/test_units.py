"""Numbers with their units, as people read them."""

import pytest

from gqa_core import units


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (units.binary_and_decimal(399_769_600_000), "372.31 GiB (399.77 GB)"),
        (units.binary_and_decimal(2**28), "256.00 MiB (268.44 MB)"),
        (units.binary_and_decimal(512), "512 B (512 B)"),
        (units.decimal(1500), "1.50 kB"),
        (units.decimal(2 * 10**12), "2.00 TB"),
        (units.exact_bytes(2**30), "1,073,741,824 B"),
        (units.gigabytes_label(80 * 10**9), "80 GB"),
        (units.percent(1 / 8), "12.5%"),
        (units.percent(1 / 128), "0.781%"),
        (units.error_percent(110, 100), "+10.00%"),
        (units.error_percent(99, 100), "-1.00%"),
        (units.flop_rate(33.44e9), "33.4 GFLOP/s"),
        (units.flop_rate(989e12), "989 TFLOP/s"),
        (units.flop_rate(2.5e15), "2.5 PFLOP/s"),
        (units.flop_rate(900), "900 FLOP/s"),
        (units.count(1, "layer"), "1 layer"),
        (units.count(100_058, "token"), "100,058 tokens"),
        (units.compact(950), "950"),
        (units.compact(112_710), "113k"),
        (units.compact(999_600), "1M"),
        (units.compact(3_606_730), "3.61M"),
    ],
)
def test_a_number_has_its_unit(text, expected):
    assert text == expected


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(16, "16x"), (56.888, "56.9x"), (999.4, "999x"), (999.7, "1,000x"), (1024, "1,024x")],
)
def test_a_ratio_is_never_in_powers_of_ten(ratio, text):
    assert units.times(ratio) == text
