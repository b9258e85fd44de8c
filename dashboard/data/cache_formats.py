"""Formats of the cache beside each other: bytes, times, and what their codes lose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.data.decode_rows import Row, in_any_format, latest, speed_vs
from dashboard.settings.measurement import DecodeSettings
from gqa_core.configs import QUANTISED_FORMATS
from gqa_core.records.kinds import VerifyRecord
from gqa_core.records.specs.verify import LATENT_QUANTISED, QUANTISED

Errors = Mapping[tuple[str, bool], float]  # by format, and whether the cache is a latent


@dataclass(frozen=True, slots=True)
class FormatRow:
    """A measured row, its speed against the unquantised cache of its variant, and its error.

    `speed` is None without such a row or if the samples cannot tell the two apart, `error`, the
    relative L2 error of the output against float64, if it was not measured.
    """

    row: Row
    speed: float | None
    error: float | None


def format_rows(
    rows: Iterable[Row], comparisons: Iterable[VerifyRecord], settings: DecodeSettings
) -> list[FormatRow]:
    """The newest rows of every format at the settings' context, by variant; empty if it is one.

    An error is that of the newest comparison with the same head width, context and dtype: it does
    not depend on how many heads share.
    """
    shown = [
        row
        for row in latest(in_any_format(rows, settings))
        if row.context_len == settings.context_len
    ]
    if len({row.kv_format for row in shown}) < 2:
        return []
    bases = {_variant(row): row for row in shown if not row.is_quantised}
    errors = _errors(comparisons, settings)
    return [
        FormatRow(row, speed_vs(bases.get(_variant(row)), row), _error(row, errors))
        for row in sorted(shown, key=lambda row: _place(row, shown))
    ]


def _errors(comparisons: Iterable[VerifyRecord], settings: DecodeSettings) -> Errors:
    """The newest errors against float64 that were measured with such heads and tokens."""
    wanted = settings.head_dim, settings.context_len, settings.dtype
    return {
        (QUANTISED[record.comparison], record.comparison in LATENT_QUANTISED): record.relative_error
        for record in comparisons
        if record.comparison in QUANTISED
        and record.comparison.endswith("is_float64")
        and not record.planted
        and (record.config.head_dim, record.workload.context_len, record.workload.dtype) == wanted
    }


def _error(row: Row, errors: Errors) -> float | None:
    """The error of a row's format; that of naive MLA, whose K and V are expanded, is unknown."""
    if row.record.kernel_ran == "naive":
        return None
    return errors.get((row.kv_format, row.variant == "MLA"))


def _variant(row: Row) -> tuple:
    """Layer and kernel asked for, which all formats of one variant share."""
    return row.config, row.record.kernel_asked


def _place(row: Row, shown: Sequence[Row]) -> tuple[int, int]:
    """The order of the table: variants as they come, the unquantised cache of each first."""
    variants = [_variant(each) for each in shown]
    formats = (None, *QUANTISED_FORMATS)
    return variants.index(_variant(row)), formats.index(row.kv_format if row.is_quantised else None)
