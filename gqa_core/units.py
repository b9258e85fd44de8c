"""Numbers as people read them; the only place that decides on units, prefixes and digits.

Core values are plain bytes, seconds and FLOP. Capacity is shown binary (GiB = 2^30 bytes) with the
decimal figure beside it where a published one is decimal; bandwidth is decimal (GB/s = 10^9).
"""

from __future__ import annotations

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
GB = 10**9


def capacity(n_bytes: float) -> str:
    """Bytes with the largest binary unit that leaves at least one: "512.00 MiB"."""
    for unit, name in ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:,.2f} {name}"
    return f"{n_bytes:,.0f} B"


def capacity_tick(n_bytes: float) -> str:
    """Bytes for an axis, without digits that are zero: "32 GiB"."""
    return capacity(n_bytes).replace(".00 ", " ")


def capacity_both(n_bytes: float) -> str:
    """Gibibytes with decimal gigabytes beside: "372.31 GiB (399.77 GB)"."""
    return f"{n_bytes / GIB:,.2f} GiB ({n_bytes / GB:,.2f} GB)"


def exact_bytes(n_bytes: int) -> str:
    """Bytes to the last one: "1,073,741,824 B"."""
    return f"{n_bytes:,} B"


def decimal(n_bytes: float) -> str:
    """Bytes with the largest decimal unit that leaves at least one: "399.77 GB", "301.99 MB"."""
    for unit, name in ((1000 * GB, "TB"), (GB, "GB"), (10**6, "MB"), (1000, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:,.2f} {name}"
    return f"{n_bytes:,.0f} B"


def binary_and_decimal(n_bytes: float) -> str:
    """Bytes in the binary unit that suits, the decimal one beside: "372.31 GiB (399.77 GB)"."""
    return f"{capacity(n_bytes)} ({decimal(n_bytes)})"


def gigabytes_label(n_bytes: int) -> str:
    """Bytes as a vendor's label counts them, in whole decimal gigabytes: "80 GB"."""
    return f"{n_bytes / GB:,.0f} GB"


def bandwidth(bytes_per_s: float) -> str:
    """Bytes per second in decimal gigabytes: "33.4 GB/s"."""
    return f"{bytes_per_s / GB:,.1f} GB/s"


def flop_rate(flops_per_s: float) -> str:
    """FLOP per second with the largest prefix that leaves at least one: "33.4 GFLOP/s"."""
    for unit, name in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if flops_per_s >= unit:
            return f"{flops_per_s / unit:.3g} {name}FLOP/s"
    return f"{flops_per_s:.3g} FLOP/s"


def duration(seconds: float) -> str:
    """Seconds with the unit that suits, three significant digits: "2.41 ms"."""
    for unit, name in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= unit or name == "us":
            return f"{seconds / unit:.3g} {name}"
    raise AssertionError("the last unit takes whatever is left")


def times(ratio: float) -> str:
    """A ratio, without digits that say nothing: "16x", "56.9x"."""
    return f"{ratio:.3g}x"


def percent(share: float) -> str:
    """A share of one, three significant digits: "12.5%", "0.781%"."""
    return f"{100 * share:.3g}%"


def error_percent(got: float, expected: float) -> str:
    """How far a number is from the expected one, with its sign: "+0.00%"."""
    return f"{100 * (got / expected - 1):+,.2f}%"


def count(number: int, thing: str) -> str:
    """A number of things: "1 layer", "32 layers", "100,058 tokens"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def exponent(value: float, error: float | None) -> str:
    """A fitted exponent with its standard error, where there is one: "1.02 ± 0.05"."""
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"


def tokens(count: int) -> str:
    """A token count for an axis: "16k" for 16,384, "100000" where no power of two fits."""
    for unit, name in ((MIB, "M"), (KIB, "k")):
        if count >= unit and count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)
