"""Whose rows a view of decode steps shows, and the lines behind them."""

from dataclasses import replace

import pytest

from dashboard.data.decode_rows import decode_rows
from dashboard.data.decode_view import DecodeSources, line_contexts
from dashboard.data.predicted_steps import predicted_steps, probing_rows
from gqa_core.records.header import MEASURED_ELSEWHERE
from tests.dashboard.example_settings import DECODE, MHA, rows
from tests.records import fake_records as samples

OWN = rows(samples.record(run_id="own"))
SAMPLE = decode_rows([samples.record(run_id="sample")], MEASURED_ELSEWHERE)
OWN_ELSEWHERE_IN_CONTEXT = rows(samples.record(run_id="own", spec=samples.point(context_len=128)))


def sources(own=(), sample=(), **options):
    return DecodeSources(settings=DECODE, own=own, sample=sample, **options)


def run_ids(view):
    return [[row.record.run_id for row in rows] for rows in (view.rows, view.reference_rows)]


@pytest.mark.parametrize(
    ("own", "sample", "shown", "expected"),
    [
        ((), SAMPLE, "here", [["sample"], []]),
        (OWN, (), "sample run", [["own"], []]),
        (OWN, SAMPLE, "here", [["own"], []]),
        (OWN, SAMPLE, "sample run", [["sample"], []]),
        (OWN, SAMPLE, "both", [["own"], ["sample"]]),
        # nothing is measured here at the context of the sliders yet
        (OWN_ELSEWHERE_IN_CONTEXT, SAMPLE, "here", [["sample"], ["own"]]),
        (OWN_ELSEWHERE_IN_CONTEXT, (), "here", [["own"], []]),
        ((), (), "both", [[], []]),
    ],
)
def test_own_rows_take_the_place_of_a_sample_s_where_they_answer(own, sample, shown, expected):
    view = sources(own, sample, shown=shown).times()
    assert run_ids(view) == expected
    assert view.is_sample == (expected[0] == ["sample"])


def test_rows_with_other_settings_are_shown_in_no_view():
    other = rows(samples.record(spec=samples.point(n_layers=2)))
    assert run_ids(sources(other, SAMPLE).points()) == [["sample"], []]
    assert not sources(other, SAMPLE).has_both
    assert sources(OWN, SAMPLE).has_both


def test_a_search_of_this_machine_takes_the_place_of_a_sample_s():
    def search(run_id):
        return [
            samples.record(run_id=run_id, index=index, spec=samples.point(layer))
            for index, layer in enumerate((MHA, samples.LAYER))
        ]

    sample = decode_rows(search("sample"), MEASURED_ELSEWHERE)
    assert run_ids(sources(OWN, sample).searches()) == [["sample"] * 2, []]  # no MHA of its own
    assert run_ids(sources(rows(*search("own")), sample).searches()) == [["own"] * 2, []]


def test_rates_are_those_of_this_machine_in_the_number_format_else_of_the_sample():
    other_dtype = rows(samples.record(spec=samples.point(dtype="bfloat16")))
    assert probing_rows(OWN, SAMPLE, "float32") == OWN
    assert probing_rows(other_dtype, SAMPLE, "float32") == SAMPLE
    assert probing_rows(other_dtype, (), "float32") == other_dtype
    assert probing_rows((), (), "float32") == []
    unusable = rows(samples.record(attend=samples.UNUSABLE))
    assert probing_rows([*unusable, *OWN], (), "float32") == OWN
    assert probing_rows(unusable, (), "float32") == unusable


def test_predictions_are_the_overhead_and_the_bound_from_medians_of_the_probes():
    probed = rows(
        *(
            samples.record(index=index, read_bandwidth_bytes_per_s=rate * 32_768_000.0)
            for index, rate in enumerate((1, 2, 8))
        )
    )
    predicted = predicted_steps(DECODE, probed, (64, 128))
    # GQA in float32: 64 tokens x 2 x 2 heads x 16 x 4 B = 16,384 B, of 65,536,000 B/s: 0.25 ms;
    # its FLOP take as long: 32,768 of 131,072,000 per second
    assert predicted.attend_s["GQA"] == pytest.approx([0.35e-3, 0.6e-3])
    assert predicted.attend_times(128)["GQA"] == pytest.approx(0.6e-3)
    assert list(predicted.attend_s) == ["MHA", "GQA", "MQA", "MLA"]
    assert predicted.attend_ratios()["GQA"][1] == pytest.approx(0.6 / 2.1)
    assert "MHA" not in predicted.step_ratios()
    assert predicted_steps(DECODE, [], (64,)) is None


def test_without_an_arithmetic_rate_in_the_number_format_only_reading_is_predicted():
    predicted = predicted_steps(replace(DECODE, dtype="float16"), OWN, (64,))
    assert not predicted.has_arithmetic_rate
    # half of float32's bytes at 32,768,000 B/s, though the FLOP of another format take 0.25 ms
    assert predicted.attend_s["MQA"] == pytest.approx([0.1e-3 + 4096 / 32_768_000])


def test_lines_span_the_sample_s_contexts_and_reach_the_slider():
    assert line_contexts(8192) == tuple(64 * 2**power for power in range(10))
    assert line_contexts(100_000)[-2:] == (65_536, 100_000)
    assert line_contexts(131_072)[-3:] == (32_768, 65_536, 131_072)
    assert line_contexts(16)[:2] == (16, 64)
