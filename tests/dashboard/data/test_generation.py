"""Series, tables and figures of generations, from records that follow theory exactly."""

import pytest
from msgspec.structs import replace

from dashboard.data import generation
from dashboard.figures.generation_time import step_vs_tokens, total_vs_tokens
from dashboard.figures.growth_time import append_vs_tokens
from dashboard.figures.style import MODE_STYLES, POLICY_STYLES
from dashboard.report.generation_tables import exponent_table, growth_table, time_table
from dashboard.settings.measurement import GenerationSettings
from gqa_core.commands.generate import CACHED_CONTEXT_LENS, CONTEXT_LENS
from gqa_core.records.header import Device
from gqa_core.records.specs.growth import POLICIES
from gqa_core.theory.fit import EXPECTED_EXPONENTS
from tests.records import fake_generations as generations
from tests.records import fake_records as samples

DEVICE = Device(type="cpu", name="A CPU", n_threads=2)
NOTHING = generation.Generations(by_mode={}, by_policy={})
CHOICE = GenerationSettings(n_heads=2, head_dim=16, n_layers=2, context_len=128)


def records_for(settings, **changed):
    return generations.records(
        settings.attention, settings.context_lens, settings.cached_context_lens, **changed
    )


def with_last_samples(record, phase, samples):
    """The record with other samples of a phase at the last length."""
    by_length = (*getattr(record.samples_s, phase)[:-1], samples)
    return replace(record, samples_s=replace(record.samples_s, **{phase: by_length}))


@pytest.fixture
def measured():
    return generation.matching(records_for(CHOICE), CHOICE, DEVICE)


def test_the_lengths_of_the_page_s_default_are_those_of_the_command_line():
    settings = GenerationSettings(n_heads=2, head_dim=128, n_layers=2, context_len=768)
    assert settings.context_lens == CONTEXT_LENS
    assert settings.cached_context_lens == CACHED_CONTEXT_LENS


def test_the_newest_record_of_each_way_and_policy_for_these_settings_is_found(measured):
    assert list(measured.by_mode) == ["cached", "recomputed"]
    assert list(measured.by_policy) == list(POLICIES)
    newer = records_for(CHOICE, run_id="run-2")
    both = [*records_for(CHOICE), *newer, samples.record()]
    newest = generation.matching(both, CHOICE, DEVICE)
    assert [*newest.by_mode.values(), *newest.by_policy.values()] == newer
    assert generation.matching(newer, CHOICE, replace(DEVICE, name="Another")) == NOTHING
    # other values on the command line
    newer[0], newer[4] = replace(newer[0], kernel_asked="sdpa"), replace(newer[4], block_len=16)
    remaining = generation.matching(newer, CHOICE, DEVICE)
    assert list(remaining.by_mode) == ["recomputed"]
    assert list(remaining.by_policy) == ["concatenate", "preallocate"]
    for other in ({"n_layers": 1}, {"head_dim": 32}, {"context_len": 256}):
        settings = {"n_heads": 2, "head_dim": 16, "n_layers": 2, "context_len": 128} | other
        assert generation.matching(newer, GenerationSettings(**settings), DEVICE) == NOTHING


def test_fits_find_the_powers_that_are_in_the_records(measured):
    for series in generation.series(measured.by_mode):
        if (series.mode, series.part) == ("recomputed", "projections"):
            continue  # n + 1 in these records, of two phases: no pure power
        powers = EXPECTED_EXPONENTS[series.mode, series.part]
        assert series.step_fit.exponent == pytest.approx(powers.step, abs=1e-6)
        assert series.total_fit.exponent == pytest.approx(powers.total, abs=1e-6)
        assert series.step_fit.last == series.lengths[-1]
    table = exponent_table(generation.series(measured.by_mode)).frame()
    assert table["Step exponent, fitted"].tolist()[:3] == [
        "1.00 ± 0.00",
        "2.00 ± 0.00",
        "0.00 ± 0.00",
    ]
    assert table["Total exponent, theory"].tolist() == ["2", "3", "1", "2"]
    assert table["Part"][1] == "attention, without cache"


def test_totals_and_differences_come_from_the_records(measured):
    # at 128: attend 128^2 us; project, append and output 128 us each
    assert generation.total_s(measured.by_mode["cached"], 128) == pytest.approx(
        1e-6 * (128**2 + 3 * 128)
    )
    assert generation.largest_difference(measured.by_mode) == 0
    recomputed = measured.by_mode["recomputed"]
    outputs = (recomputed.outputs[0], (0.5, -1.25, 0.25, 1.5), *recomputed.outputs[2:])
    changed = measured.by_mode | {"recomputed": replace(recomputed, outputs=outputs)}
    assert generation.largest_difference(changed) == 0.25


def test_time_and_growth_tables_have_their_rows_and_units(measured):
    times = time_table(generation.series(measured.by_mode)).frame()
    lengths = len(CHOICE.context_lens), len(CHOICE.cached_context_lens)
    assert len(times) == 2 * (2 * lengths[0] + lengths[1])
    growth = growth_table(measured.by_policy).frame()
    assert growth["Policy"].tolist() == ["concatenate", "preallocate", "paged, blocks of 64"]
    # half a KiB a token: all slots but the first of 512, and of a block of 64
    assert growth["Worst waste (KiB)"].tolist() == [0, 255.5, 31.5]
    assert growth["Append at 512 (us)"].tolist() == [1.0] * 3


def test_markers_are_measured_and_lines_are_fits(measured):
    series = generation.series(measured.by_mode)
    for figure in (step_vs_tokens(series), total_vs_tokens(series)):
        markers = [trace for trace in figure.data if trace.mode == "markers"]
        lines = [trace for trace in figure.data if trace.mode == "lines"]
        assert [m.marker.symbol for m in markers] == [
            MODE_STYLES[series.mode, series.part].symbol for series in series
        ]
        assert len(lines) == 4
        assert all(line.name.startswith("its fit: exponent ") for line in lines)
        assert [line.x[-1] for line in lines] == [512, 128, 512, 128]
        assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert step_vs_tokens(series).data[0].error_y.array is not None


def test_the_axes_of_time_hold_every_bar(measured):
    wild = (1e-9, 1e-9, 700.0, 1500.0, 1500.0)
    recomputed = with_last_samples(measured.by_mode["recomputed"], "attend", wild)
    paged = with_last_samples(measured.by_policy["paged"], "append", wild)
    for figure in (
        step_vs_tokens(generation.series(measured.by_mode | {"recomputed": recomputed})),
        append_vs_tokens({"paged": paged}),
    ):
        low, high = figure.layout.yaxis.range
        for trace in figure.data:
            if trace.mode == "markers":
                bars = trace.error_y
                assert all(y + up <= 10**high for y, up in zip(trace.y, bars.array, strict=True))
                ends = zip(trace.y, bars.arrayminus, strict=True)
                assert all(10**low * 0.999 <= y - down for y, down in ends)


def test_growth_is_drawn_by_policy(measured):
    figure = append_vs_tokens(measured.by_policy)
    assert [trace.name for trace in figure.data] == list(POLICY_STYLES)
    assert all(trace.mode == "markers" for trace in figure.data)


def test_one_length_has_no_fit_and_nothing_to_draw_is_no_error():
    single = generations.records(CHOICE.attention, (16,), ())
    (series, *_) = generation.series({"cached": single[0]})
    assert series.step_fit is None
    assert [trace.mode for trace in step_vs_tokens([series]).data] == ["markers"]
    assert exponent_table([series]).frame()["Step exponent, fitted"].tolist() == ["-"]
    assert len(total_vs_tokens([]).data) == len(append_vs_tokens({}).data) == 0
