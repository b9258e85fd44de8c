"""Formats of the cache beside each other: rows of every format, their speeds and errors."""

from dataclasses import replace

from dashboard.data.cache_formats import format_rows
from dashboard.data.decode_rows import in_any_format, latest, matching, versus_mha
from dashboard.data.selection import settings_name
from dashboard.report.cache_format_tables import format_table
from gqa_core.configs import QUANTISED_FORMATS, default_mla_for
from tests.dashboard.example_settings import DECODE, MHA, rows
from tests.records import fake_comparisons as comparisons
from tests.records.fake_records import LAYER, point, record

INT8, FP8 = QUANTISED_FORMATS
MLA = default_mla_for(8, 16)


def measured(kv_format, attend_s, layer=LAYER, kernel="auto", **options):
    spec = point(layer, kv_format=kv_format, kernel=kernel, **options)
    kernel_ran = kernel if layer is MLA else "split_kv"
    return record(
        spec=spec, attend=(attend_s,) * 20, kernel_ran=kernel_ran, attend_kernel="split_kv"
    )


ROWS = rows(
    measured(FP8, 0.003),
    measured(INT8, 0.002),
    measured(None, 0.004),
    measured(None, 0.004, context_len=16),
    measured(None, 0.008, MHA),
    measured(INT8, 0.004, MHA),
    measured(INT8, 0.001, MLA, "absorbed"),
)
ERRORS = [
    comparisons.record("int8_is_float64", 9e-3),
    comparisons.record("int8_is_float64", 8e-3),
    comparisons.record("latent_int8_is_float64", 4e-3),
    comparisons.record("fp8_is_float", 3e-2),  # not against float64
    comparisons.record("fp8_is_float64", 0.5, planted=True),
    comparisons.record("kernel_eager", 1e-7),
]


def test_rows_match_the_format_of_the_settings_and_every_format_is_another_condition():
    assert [row.kv_format for row in matching(ROWS, DECODE)] == ["fp32"] * 3
    quantised = replace(DECODE, cache_format=INT8)
    assert {row.kv_format for row in matching(ROWS, quantised)} == {INT8}
    assert len(in_any_format(ROWS, DECODE)) == len(latest(ROWS)) == len(ROWS)
    assert len({settings_name(row) for row in ROWS}) == 3


def test_a_speed_is_that_against_mha_in_the_same_format():
    by_format = {
        (row.kv_format, row.variant): speed
        for row, speed in zip(ROWS, [versus.speed for versus in versus_mha(ROWS)], strict=True)
        if row.context_len == 64
    }
    assert by_format[INT8, "GQA"] == 2
    assert by_format["fp32", "GQA"] == 2
    assert by_format[FP8, "GQA"] is None


def test_formats_stand_beside_each_other_with_bytes_speeds_and_errors():
    shown = format_rows(ROWS, ERRORS, DECODE)
    assert [(each.row.variant, each.row.kv_format, each.speed, each.error) for each in shown] == [
        ("MHA", "fp32", 1, None),
        ("MHA", INT8, 2, 8e-3),
        ("GQA", "fp32", 1, None),
        ("GQA", INT8, 2, 8e-3),
        ("GQA", FP8, 4 / 3, None),
        ("MLA", INT8, None, 4e-3),
    ]
    cells = format_table(shown).texts()
    assert cells[1][:2] == ["MHA", INT8]
    assert cells[1][-1] == "0.80%"
    assert cells[0][-1] == "-"


def test_one_format_alone_is_compared_with_nothing():
    assert format_rows(ROWS[2:3], ERRORS, DECODE) == []
