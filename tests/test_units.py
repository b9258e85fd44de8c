"""Numbers as people read them."""

import pytest

from gqa_core import units


@pytest.mark.parametrize(
    ("shown", "expected"),
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
        (units.count(1, "layer"), "1 layer"),
        (units.count(100_058, "token"), "100,058 tokens"),
    ],
)
def test_a_number_is_shown_with_its_unit(shown, expected):
    assert shown == expected
