"""The roofline without Streamlit: what is drawn and where, the roofs, the table, the answer."""

import pytest

from dashboard.data import roofline as page
from dashboard.data.decode_rows import decode_rows
from dashboard.figures.roofline import INTENSITIES, LOCAL_ROOF, SAMPLE_ROOF, roofline
from dashboard.figures.style import FAINT, NEUTRAL, VARIANT_STYLES
from dashboard.report import roofline_sentences as sentences
from dashboard.report.roofline_tables import roofline_table
from dashboard.settings.measurement import DecodeSettings
from gqa_core.catalog.devices import devices
from gqa_core.configs import default_mla_for
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.theory.roofline import Roof
from tests.dashboard.example_settings import DECODE, MHA, rows
from tests.records import fake_records as samples

# Of the samples' probes: 32,768,000 B/s and 131,072,000 FLOP/s, a ridge at 4 FLOP per byte.
LOCAL = Roof(peak_bytes_per_s=32_768_000.0, peak_flops_per_s=131_072_000.0)
H100 = next(device for device in devices() if device.name == "NVIDIA H100 SXM")


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def drawn(shown, gpus=()):
    return roofline(page.roofline_data(DECODE, gpus, shown))


def answer(shown, gpus=()):
    return sentences.answer(page.roofline_data(DECODE, gpus, shown))


def details(shown):
    return sentences.details(page.roofline_data(DECODE, (), shown))


def test_a_sample_s_points_are_open_under_a_roof_probed_elsewhere():
    shown = decode_rows([samples.record()], MEASURED_ELSEWHERE)
    figure = drawn(shown)
    assert traces(figure, LOCAL_ROOF) == []
    assert len(traces(figure, SAMPLE_ROOF)) == 1
    (gqa,) = traces(figure, "GQA")
    assert gqa.marker.symbol == "square-open-dot"
    assert answer(shown).startswith("On A CPU (2 threads), memory bounds")


def test_points_of_another_machine_stand_beside_and_leave_roof_and_answer():
    own = rows(samples.record())
    reference_rows = decode_rows([samples.record(attend=[0.004] * 3)], MEASURED_ELSEWHERE)
    data = page.roofline_data(DECODE, (), own, reference_rows)
    filled, hollow = traces(roofline(data), "GQA")
    assert (filled.marker.symbol, hollow.marker.symbol) == ("square", "square-open-dot")
    assert sentences.answer(data) == answer(own)


def test_a_point_stands_at_its_formula_s_intensity_and_its_measured_rate_with_its_interval():
    spread = samples.around(0.002, low=0.0019, high=0.00225, median=0.004)
    figure = drawn(rows(samples.record(attend=spread)))
    (gqa,) = traces(figure, "GQA")
    assert (gqa.mode, gqa.marker.symbol) == ("markers", VARIANT_STYLES["GQA"].symbol)
    assert list(gqa.x) == [2.0]  # 8 heads on 2 K/V heads, 4 bytes an element: 8 / 2 / 2
    assert list(gqa.y) == [32_768 / 0.002]
    assert gqa.error_y.array[0] == pytest.approx(32_768 / 0.0019 - 32_768 / 0.002)
    assert gqa.error_y.arrayminus[0] == pytest.approx(32_768 / 0.002 - 32_768 / 0.00225)
    assert gqa.text[0] == "64 tokens: 16.4 MFLOP/s, 25% of the bound"


def test_the_variants_walk_right_from_mha_to_mla():
    named = page.intensities(DECODE)
    # MLA beside heads of 16 has c 64, r 8: 8 heads x 2 x (72 + 64) / (72 x 4 B).
    assert named == pytest.approx({"MHA": 0.5, "GQA": 2, "MQA": 4, "MLA": 8 * 2 * 136 / 288})
    assert list(named.values()) == sorted(named.values())
    figure = drawn([])
    for label, intensity in named.items():
        (line,) = traces(figure, f"{label} by the formula")
        assert list(line.x) == [intensity] * 2
        assert (line.line.color, line.line.dash) == (
            VARIANT_STYLES[label].color,
            VARIANT_STYLES[label].dash,
        )
    widest = DecodeSettings(
        n_heads=232, n_kv_heads=8, head_dim=64, context_len=512, batch_size=1, n_layers=1,
        dtype="bfloat16", kernel="auto", cache_format="int8_per_token_head",
    )  # fmt: skip
    assert max(page.intensities(widest).values()) < INTENSITIES[1]
    assert min(named.values()) > INTENSITIES[0]


def test_the_local_roof_is_solid_published_ones_are_dashed_and_all_bend_at_their_ridge():
    figure = drawn(rows(samples.record()), [H100])
    (local,) = traces(figure, LOCAL_ROOF)
    assert (local.line.dash, local.line.color) == ("solid", NEUTRAL)
    assert list(local.x) == [0.25, 4.0, 1024, None]
    assert list(local.y) == [8_192_000.0, 131_072_000.0, 131_072_000.0, None]
    (published,) = traces(figure, "published roofs")
    assert published.line.dash == "dash"
    assert list(published.y[:3]) == pytest.approx([0.25 * 3350e9, 989e12, 989e12])
    text = "NVIDIA H100 SXM, published: 3,350.0 GB/s, 989 TFLOP/s, ridge at 295 FLOP per byte"
    assert list(published.text) == [text] * 3 + [""]


def test_published_roofs_are_named_the_highest_furthest_left():
    l4 = next(device for device in devices() if device.name == "NVIDIA L4")
    for gpus in ([H100, l4], [l4, H100]):
        (names,) = [trace for trace in drawn([], gpus).data if trace.mode == "text"]
        assert list(names.text) == ["NVIDIA L4", "NVIDIA H100 SXM"]
        assert list(names.x) == pytest.approx([1024, 1024 / 3])
        assert names.y[0] == 121e12


def test_the_axes_hold_all_and_the_first_does_not_move():
    few, many = drawn([]), drawn(rows(samples.record()), [H100])
    assert few.layout.xaxis.range == many.layout.xaxis.range
    assert few.layout.xaxis.type == few.layout.yaxis.type == "log"
    low, high = many.layout.yaxis.range
    assert low == 6  # the local roof begins at 8.2 MFLOP/s
    assert 15 < high < 16  # the H100's ceiling is 989 TFLOP/s, and names stand above it
    assert list(many.layout.yaxis.ticktext)[:2] == ["1 M", "10 M"]


def test_longer_contexts_have_larger_markers_and_are_drawn_first():
    shown = rows(*(samples.record(spec=samples.point(context_len=n)) for n in (64, 256, 1024)))
    (gqa,) = traces(drawn(shown), "GQA")
    assert list(gqa.marker.size) == [16, 12, 8]


def test_nothing_measured_leaves_the_formula_and_no_error():
    figure = roofline(page.RooflineData(rows=[], local_roof=None, published={}, intensities={}))
    assert len(figure.data) == 0
    assert page.local_roof([]) is None
    assert not roofline_table([])


def test_the_local_roof_is_the_best_of_the_probes():
    records = [
        samples.record(
            index=index, read_bandwidth_bytes_per_s=bandwidth, arithmetic_flops_per_s=rate
        )
        for index, (bandwidth, rate) in enumerate([(1e9, 5e9), (2e9, 7e9), (9e9, 6e9)])
    ]
    roof = page.local_roof(rows(*records))
    assert (roof.peak_bytes_per_s, roof.peak_flops_per_s) == (9e9, 7e9)
    (local,) = traces(drawn(rows(*records)), LOCAL_ROOF)
    assert list(local.y) == [0.25 * 9e9, 7e9, 7e9, None]


def test_the_table_says_where_a_point_stands_and_what_bounds_it():
    mla = samples.point(default_mla_for(8, 16), kernel="absorbed")
    latent = samples.record(index=1, spec=mla, kernel_ran="absorbed", bound_s=0.001)
    table = roofline_table(rows(samples.record(), latent)).frame()
    gqa = table.iloc[0]
    assert gqa["Intensity (FLOP/B)"] == 2
    assert gqa["Achieved (GFLOP/s)"] == pytest.approx(0.016384)
    assert gqa["Roof there (GFLOP/s)"] == pytest.approx(0.065536)  # 2 FLOP/B x 32,768,000 B/s
    assert (gqa["Share of the bound (%)"], gqa["Floor (ms)"]) == (25.0, 0.1)
    assert list(table["Bound by"]) == ["memory", "arithmetic"]
    assert not table["Floor (ms)"].isna().any()
    assert table["Variant"][1] == "MLA absorbed"


def test_rows_in_another_number_format_are_not_under_this_roof():
    shown = rows(samples.record(), samples.record(index=1, spec=samples.point(dtype="bfloat16")))
    assert page.in_format(shown, "bfloat16") == shown[1:]


def test_the_answer_tells_what_bounds_each_and_how_near_the_points_come():
    mha = samples.record(index=1, spec=samples.point(MHA), bound_s=0.002)
    sentence = answer(rows(samples.record(), mha))
    assert sentence == (
        "On this device, memory bounds MHA and GQA, arithmetic bounds MQA and MLA. "
        "The 2 points shown reach 62.5% of their bound (median)."
    )
    assert details(rows(samples.record(), mha)) == (
        "FLOP per byte: MHA 0.5, GQA 2, MQA 4 and MLA 7.56; the ridge is at 4. The 2 points shown "
        "reach 62.5% of their bound (median), from 25% (GQA at 64 tokens) to 100% (MHA at 64 "
        "tokens)."
    )
    single = answer(rows(samples.record()))
    assert single.endswith("The one point with a bound reaches 25% of it.")


def test_without_a_point_the_answer_is_that_of_a_label_or_none():
    sentence = answer([], [H100])
    assert sentence.startswith(
        "By the label of an NVIDIA H100 SXM, in bf16 products, memory bounds MHA, GQA, MQA and MLA"
    )
    assert "not measured yet" in sentence
    assert "no answer yet" in answer([])


def test_only_a_bandwidth_leaves_the_ridge_unknown():
    roof = Roof(peak_bytes_per_s=1.0, peak_flops_per_s=None)
    assert sentences.bounds_sentence({"MHA": 0.5}, roof, "Here") == "Here, memory bounds MHA."
    assert sentences.intensities_sentence({"MHA": 0.5}, roof) == (
        "FLOP per byte: MHA 0.5; the ridge is unknown."
    )


def test_a_withheld_bound_leaves_no_marker_and_the_answer_without_a_share():
    below = samples.record(index=1, attend=[0.0004] * 3)  # the bound is 0.5 ms
    assert traces(drawn(rows(below)), "GQA") == []
    table = roofline_table(rows(below)).frame()
    assert (
        table[["Share of the bound (%)", "Bound (ms)", "Roof there (GFLOP/s)"]].isna().all().all()
    )
    assert table["Bound withheld"][0].startswith("attending took 400 us, less than the bound")
    assert page.median_share(page.bound_shares(rows(below))) is None
    assert answer(rows(below)).endswith(
        "No point shown has a share of its bound: "
        "the samples are unusable or the bound is withheld."
    )
    both = details(rows(samples.record(), below))
    assert both.endswith(
        "The one point with a bound reaches 25% of it. 1 more has none: the samples are unusable "
        "or the bound is withheld."
    )


def test_unusable_points_are_faint_and_count_for_no_share():
    unusable = samples.record(index=1, attend=samples.UNUSABLE)
    shown = rows(samples.record(bound_s=0.001), unusable, unusable)
    assert [share for share, _ in page.bound_shares(shown)] == [0.5]
    (gqa,) = traces(drawn(shown), "GQA")
    assert list(gqa.marker.opacity) == [1, FAINT, FAINT]
    assert gqa.text[1].endswith("25% of the bound, unusable samples")
    assert "reaches 50% of it. 2 more have none: " in details(shown)
    assert list(roofline_table(shown).frame()["Verdict"]) == ["quiet", "unusable", "unusable"]


def test_the_table_has_the_interval_of_the_rate():
    spread = samples.around(0.002, low=0.0016, high=0.0020, median=0.004)
    table = roofline_table(rows(samples.record(attend=spread))).frame()
    ends = table[["Achieved, 95% CI from (GFLOP/s)", "Achieved, 95% CI to (GFLOP/s)"]]
    assert ends.loc[0].tolist() == pytest.approx([0.016384, 0.02048])
