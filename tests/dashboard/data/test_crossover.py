"""Crossovers on a page: which search is shown, its figures, table and words, without Streamlit."""

from dataclasses import replace

import pytest
from msgspec import structs

from dashboard.data import crossover
from dashboard.data.decode_rows import decode_rows, row_label
from dashboard.figures.phase_breakdown import SHADES, phase_breakdown
from dashboard.figures.ratio_vs_context import ratio_vs_context
from dashboard.figures.style import FAINT, VARIANT_STYLES
from dashboard.report import crossover_metrics
from dashboard.report.crossover_tables import crossover_table
from dashboard.report.metric import Metric
from gqa_core.records.crossover import pair_with_mha, search_contexts
from gqa_core.records.quartiles import TimeSummary
from tests.dashboard.example_settings import DECODE
from tests.records import fake_records as samples

CHOICE = replace(DECODE, context_len=512)
CONTEXTS = search_contexts(512)  # 64, 128, 256, 512


def attend_s(variant, context_len):
    """GQA wins from 256 tokens on, MQA at once, MLA never."""
    token = {"MHA": 8e-6, "GQA": 4e-6, "MQA": 4e-6, "MLA": 9e-6}[variant]
    return token * context_len + (0.0006 if variant == "GQA" else 0)


def records(settings=CHOICE, run_id="run-1", **changed):
    specs = [
        samples.point(layer, context_len=context_len, kernel=kernel)
        for context_len in CONTEXTS
        for layer in settings.variants.values()
        for kernel in (("absorbed", "naive") if layer.variant == "MLA" else ("auto",))
    ]
    return [
        samples.record(
            index=index,
            run_id=run_id,
            spec=point,
            attend=[attend_s(point.attention.variant, point.workload.context_len)] * 3,
            step=0.01 + attend_s(point.attention.variant, point.workload.context_len),
            kernel_ran=point.kernel if point.attention.variant == "MLA" else "packed",
            **changed,
        )
        for index, point in enumerate(specs)
    ]


def unusable(row):
    p5 = row.attend.p5
    spread = samples.around(p5, low=0.5 * p5, high=1.2 * p5, median=2 * p5)
    return replace(row, attend=TimeSummary.from_samples(spread))


def noisy(row):
    samples_of_probe = samples.NOISY_BANDWIDTHS
    record = structs.replace(row.record, bandwidth_samples_bytes_per_s=samples_of_probe)
    return replace(row, record=record)


def workload_changed(row, **changes):
    workload = structs.replace(row.record.workload, **changes)
    return replace(row, record=structs.replace(row.record, workload=workload))


@pytest.fixture
def rows():
    return crossover.latest_search(decode_rows(records()), CHOICE)


def test_the_newest_search_with_these_settings_is_shown_in_the_variants_order(rows):
    assert [row_label(row) for row in rows[:5]] == list(VARIANT_STYLES)
    assert {row.context_len for row in rows} == set(CONTEXTS)
    other = records(run_id="run-2", created_at="2026-11-24T20:00:00+00:00")
    both = decode_rows([*records(), *other])
    assert {row.record.run_id for row in crossover.latest_search(both, CHOICE)} == {"run-2"}
    changed = [workload_changed(row, batch_size=2) for row in decode_rows(records())]
    assert crossover.latest_search(changed, CHOICE) == []


def test_metrics_and_answer_tell_the_step_of_each_variant(rows):
    comparisons = pair_with_mha(rows)
    assert crossover_metrics.metrics(comparisons) == [
        Metric("GQA-2", "from 256 tokens", "attending alone: from 256 tokens", "GQA"),
        Metric("MQA", "every context", "attending alone: every context", "MQA"),
        Metric("MLA absorbed", "at no context", "attending alone: at no context", "MLA"),
    ]
    assert crossover_metrics.answer(comparisons) == (
        "A whole step is faster than MHA's with GQA-2 from 256 tokens on (at 128 slower); with MQA "
        "at every context measured, 64 to 512 tokens; with MLA absorbed at no context up to 512 "
        "tokens."
    )


def test_the_table_has_a_line_a_point_with_times_over_mha_s(rows):
    table = crossover_table(rows).frame()
    assert len(table) == 5 * len(CONTEXTS)
    gqa = table[table["Variant"] == "GQA-2"]
    # attend at 512: (4 us x 512 + 600 us) / (8 us x 512) = 0.646
    assert gqa["Attend time vs MHA"].tolist()[-1] == pytest.approx(2.648 / 4.096)
    assert gqa["Attend wins"].tolist() == [False, False, True, True]
    assert table[table["Variant"] == "MHA"]["Step wins"].isna().all()
    assert set(table["Verdict"]) == {"quiet"}


def test_steps_are_told_at_the_ends_and_where_something_crosses_over(rows):
    assert crossover.representative_contexts(pair_with_mha(rows)) == [64, 256, 512]
    mla = {name: results for name, results in pair_with_mha(rows).items() if name.startswith("MLA")}
    assert crossover.representative_contexts(mla) == [64, 256, 512]
    assert crossover.representative_contexts({"MQA": pair_with_mha(rows)["MQA"][:1]}) == [64]


def test_steps_are_told_where_nothing_was_disturbed(rows):
    rows = [
        unusable(row) if row.context_len == 64 and row.variant == "MQA" else row for row in rows
    ]
    assert crossover.representative_contexts(pair_with_mha(rows)) == [128, 256, 512]
    assert crossover_table(rows).frame()["Verdict"].tolist().count("unusable") == 1


@pytest.mark.parametrize("quantity", ["step", "attend"])
def test_ratios_are_markers_around_one_and_a_band_is_where_one_crosses_over(rows, quantity):
    figure = ratio_vs_context(pair_with_mha(rows), quantity, CONTEXTS)
    markers = {trace.name: trace for trace in figure.data if trace.mode == "markers"}
    del markers["measured here"]  # the legend's
    assert list(markers) == ["GQA-2", "MQA", "MLA absorbed", "MLA naive"]
    assert all(trace.error_y.array for trace in markers.values())
    assert list(markers["MQA"].x) == list(CONTEXTS)
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert [(band.name, *sorted(set(band.x))) for band in bands] == [
        ("GQA-2 crosses over", 128, 256)
    ]
    assert figure.data[0].name == "MHA"
    assert list(figure.data[0].y) == [1, 1]
    low, high = figure.layout.yaxis.range
    for trace in markers.values():
        assert all(10**low <= y <= 10**high for y in trace.y)


def test_what_was_disturbed_is_faint(rows):
    rows[1], rows[6] = unusable(rows[1]), noisy(rows[6])  # GQA at 64 and at 128 tokens
    assert [row.verdict.name for row in rows[1:7:5]] == ["unusable", "noisy"]
    figure = ratio_vs_context(pair_with_mha(rows), "step", CONTEXTS)
    (gqa,) = (trace for trace in figure.data if trace.name == "GQA-2")
    assert list(gqa.marker.opacity) == [FAINT, 1, 1, 1]
    assert gqa.text[0].endswith("unusable samples")
    assert not gqa.text[1].endswith("unusable samples")


def test_an_axis_of_ratios_stands_where_nothing_is_measured():
    figure = ratio_vs_context({}, "step", (64, 16384))
    assert [trace.name for trace in figure.data] == ["MHA"]
    assert figure.layout.yaxis.type == "log"


def test_a_step_is_stacked_from_its_phases_in_ms(rows):
    figure = phase_breakdown([row for row in rows if row.context_len == 512])
    bars = [trace for trace in figure.data if trace.showlegend is False]
    assert (
        [trace.name for trace in bars] == list(SHADES) == ["attend", "project", "output", "append"]
    )
    assert figure.layout.barmode == "stack"
    labels = figure.layout.yaxis.ticktext
    assert list(labels) == ["MHA", "GQA-2", "MQA", "MLA absorbed", "MLA naive"]
    assert list(bars[0].y) == list(figure.layout.yaxis.tickvals)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # MHA on top
    assert bars[0].x[0] == pytest.approx(4.096)
    assert [trace.x[0] for trace in bars[1:]] == pytest.approx([1.0, 1.0, 1.0])
    styles = [VARIANT_STYLES[name] for name in ("MHA", "GQA", "MQA", "MLA", "MLA naive")]
    assert list(bars[0].marker.color) == [style.color for style in styles]
    assert len({bar.marker.color[0] for bar in bars}) == 4
    assert [note.text for note in figure.layout.annotations] == ["<b>512 tokens</b>"]


def test_absorbed_mla_computes_more_a_token_than_mha():
    # c = 4 d = 64, r = d / 2 = 8: (64 + 8 + 64) / (2 x 16) = 4.25
    assert crossover.work_ratio(CHOICE) == 4.25


def test_the_search_s_command_holds_the_bound_and_no_mha():
    line = " ".join(CHOICE.search_arguments)
    assert line.startswith("crossover --n-heads 8 --n-kv-heads 2,1 --head-dim 16")
    assert "--max-context-len 512 --batch-size 1" in line
    assert line.endswith("--mla")


def test_variants_whose_intervals_overlap_win_nowhere_and_lose_nowhere(rows):
    def blurred(row):  # the same 5th percentile for each variant, known to 10% on either side
        p5 = 8e-6 * row.context_len
        spread = samples.around(p5, low=0.9 * p5, high=1.1 * p5, median=3 * p5)
        own = TimeSummary.from_samples(spread)
        return replace(row, attend=own, step=own)

    pairs = pair_with_mha([blurred(row) for row in rows])
    assert {metric.label for metric in crossover_metrics.metrics(pairs)} >= {"GQA-2", "MQA"}
    assert {metric.value for metric in crossover_metrics.metrics(pairs)} == {"at no context"}
    wins = crossover_table([blurred(row) for row in rows]).frame()["Step wins"].dropna()
    assert not wins.any()
    assert not crossover.is_unusable(pairs)


def test_a_search_is_unusable_where_every_comparison_is(rows):
    assert not crossover.is_unusable({})
    disturbed_mha = [unusable(row) if row.variant == "MHA" else row for row in rows]
    assert crossover.is_unusable(pair_with_mha(disturbed_mha))
    assert not crossover.is_unusable(pair_with_mha([*disturbed_mha[:-5], *rows[-5:]]))
    assert not crossover.is_unusable(pair_with_mha([noisy(row) for row in rows]))
