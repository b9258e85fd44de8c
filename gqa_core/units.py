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


def bandwidth(bytes_per_s: float) -> str:
    """Bytes per second in decimal gigabytes: "33.4 GB/s"."""
    return f"{bytes_per_s / GB:,.1f} GB/s"


def duration(seconds: float) -> str:
    """Seconds with the unit that suits, three significant digits: "2.41 ms"."""
    for unit, name in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= unit or name == "us":
            return f"{seconds / unit:.3g} {name}"
    raise AssertionError("the last unit takes whatever is left")


def times(ratio: float) -> str:
    """A ratio, without digits that say nothing: "16x", "56.9x"."""
    return f"{ratio:.3g}x"


def exponent(value: float, error: float | None) -> str:
    """A fitted exponent with its standard error, where there is one: "1.02 ± 0.05"."""
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"


def tokens(count: int) -> str:
    """A token count for an axis: "16k" for 16,384, "100000" where no power of two fits."""
    for unit, name in ((MIB, "M"), (KIB, "k")):
        if count >= unit and count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)
