"""Formats numbers for people: the only place that decides on units, prefixes and digits.

The core computes in plain bytes, seconds and FLOP. Sizes of caches are shown in decimal units
(GB = 10^9 bytes), as GPUs are labelled, with binary ones (GiB = 2^30 bytes) beside them. Memory
that an operating system counts is binary. Bandwidth is decimal (GB/s = 10^9 bytes per second).
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "GB",
    "GIB",
    "KIB",
    "MIB",
    "TIB",
    "bandwidth",
    "binary_and_decimal",
    "capacity",
    "capacity_tick",
    "compact",
    "count",
    "decimal",
    "decimal_and_binary",
    "decimal_in_one_unit",
    "decimal_tick",
    "duration",
    "error_percent",
    "exact_bytes",
    "exponent",
    "flop_rate",
    "gigabytes_label",
    "percent",
    "times",
    "tokens",
]

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
GB = 10**9
DECIMAL_UNITS = ((1000 * GB, "TB"), (GB, "GB"), (10**6, "MB"), (1000, "kB"))


def capacity(n_bytes: float) -> str:
    """Bytes in the largest binary unit of which there is at least one: "512.00 MiB"."""
    for unit, name in ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:,.2f} {name}"
    return f"{n_bytes:,.0f} B"


def capacity_tick(n_bytes: float) -> str:
    """Bytes for an axis, without zero decimals: "32 GiB"."""
    return capacity(n_bytes).replace(".00 ", " ")


def exact_bytes(n_bytes: int) -> str:
    """Bytes in full: "1,073,741,824 B"."""
    return f"{n_bytes:,} B"


def decimal(n_bytes: float) -> str:
    """Bytes in the largest decimal unit of which there is at least one: "399.77 GB"."""
    for unit, name in DECIMAL_UNITS:
        if n_bytes >= unit:
            return f"{n_bytes / unit:,.2f} {name}"
    return f"{n_bytes:,.0f} B"


def decimal_in_one_unit(sizes: Sequence[float]) -> list[str]:
    """Bytes in the decimal unit of the largest, three digits each: "4.29 GB", "0.134 GB"."""
    largest = max(sizes, default=0)
    unit, name = next((pair for pair in DECIMAL_UNITS if largest >= pair[0]), (1, "B"))
    return [f"{_three_digits(size / unit)} {name}" for size in sizes]


def _three_digits(number: float) -> str:
    """A number with three digits, or all of a large one: "0.134", "1,344"."""
    return f"{number:,.0f}" if number >= 999.5 else f"{number:.3g}"


def decimal_and_binary(n_bytes: float) -> str:
    """Bytes in a decimal unit, then in a binary one: "399.77 GB (372.31 GiB)"."""
    return f"{decimal(n_bytes)} ({capacity(n_bytes)})"


def binary_and_decimal(n_bytes: float) -> str:
    """Bytes in a binary unit, then in a decimal one: "372.31 GiB (399.77 GB)"."""
    return f"{capacity(n_bytes)} ({decimal(n_bytes)})"


def decimal_tick(n_bytes: float) -> str:
    """Bytes for an axis, without zero decimals: "10 GB"."""
    return decimal(n_bytes).replace(".00 ", " ")


def gigabytes_label(n_bytes: int) -> str:
    """Bytes in whole decimal gigabytes, as on a vendor's label: "80 GB"."""
    return f"{n_bytes / GB:,.0f} GB"


def bandwidth(bytes_per_s: float) -> str:
    """Bytes per second in decimal gigabytes: "33.4 GB/s"."""
    return f"{bytes_per_s / GB:,.1f} GB/s"


def flop_rate(flops_per_s: float) -> str:
    """FLOP per second with the largest prefix that leaves at least 1: "33.4 GFLOP/s"."""
    for unit, name in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if flops_per_s >= unit:
            return f"{flops_per_s / unit:.3g} {name}FLOP/s"
    return f"{flops_per_s:.3g} FLOP/s"


def duration(seconds: float) -> str:
    """Seconds, milliseconds or microseconds, with three significant digits: "2.41 ms"."""
    for unit, name in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= unit or name == "us":
            return f"{seconds / unit:.3g} {name}"
    raise AssertionError("microseconds are used for whatever is shorter")


def times(ratio: float) -> str:
    """A ratio with three significant digits, or all of a large one: "56.9x", "1,024x"."""
    return f"{_three_digits(ratio)}x"


def percent(fraction: float) -> str:
    """A fraction of 1, with three significant digits: "12.5%", "0.781%"."""
    return f"{100 * fraction:.3g}%"


def error_percent(actual: float, expected: float) -> str:
    """The signed error relative to the expected number: "+0.00%"."""
    return f"{100 * (actual / expected - 1):+,.2f}%"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 layer", "32 layers", "100,058 tokens"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def compact(number: float) -> str:
    """A large number with three significant digits and a decimal prefix: "107k", "3.41M"."""
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit * 0.9995:
            return f"{number / unit:.3g}{name}"
    return f"{number:.3g}"


def exponent(value: float, error: float | None) -> str:
    """A fitted exponent, with its standard error if known: "1.02 ± 0.05"."""
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"


def tokens(n_tokens: int) -> str:
    """A token count for an axis: "16k" for 16,384, "100000" if it is not a multiple of 1,024."""
    for unit, name in ((MIB, "M"), (KIB, "k")):
        if n_tokens >= unit and n_tokens % unit == 0:
            return f"{n_tokens // unit}{name}"
    return str(n_tokens)
