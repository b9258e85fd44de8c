"""The page of runs without Streamlit: filters, the table, fair pairs, sentences, the chart."""

import pytest
from msgspec.structs import replace

from dashboard.data import selection
from dashboard.data.decode_rows import decode_rows, measured_on
from dashboard.figures.attend_compared import attend_compared
from dashboard.figures.attend_vs_context import attend_vs_context
from dashboard.figures.style import VARIANT_STYLES
from dashboard.report.log_sentences import compared_sentence, sharing_sentence
from dashboard.report.log_tables import runs_table
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE, Device
from gqa_core.records.log.sharing import SharingPair
from tests.dashboard.example_settings import MHA
from tests.records import fake_records as samples

OTHER = Device(type="cpu", name="<b>Another</b> CPU", n_threads=16)


def mha(**changed):
    record = samples.record(spec=samples.point(MHA), **changed)
    return replace(record, memory=replace(record.memory, tensor_bytes=65536))


SPREAD = samples.around(0.002, low=0.0019, high=0.0022, median=0.003)
LOCAL = decode_rows([mha(index=0, attend=[0.004] * 3), samples.record(index=1, attend=SPREAD)])
IMPORTED = decode_rows(
    [
        mha(index=0, run_id="run-2", created_at="2026-11-22T08:00:00+00:00", device=OTHER),
        samples.record(
            index=1, run_id="run-2", created_at="2026-11-22T08:00:00+00:00", device=OTHER
        ),
    ],
    MEASURED_ELSEWHERE,
)
ROWS = [*LOCAL, *IMPORTED]
SETTINGS = "8 query heads, model width 128, batch 1, float32, 1 layer"
A_CPU, ANOTHER = "A CPU, 2 threads", "<b>Another</b> CPU, 16 threads (elsewhere)"


@pytest.mark.parametrize(
    ("field", "offered", "n_left"),
    [
        ("variant", ["GQA", "MHA"], 2),
        ("context", [64], 4),
        ("dtype", ["float32"], 4),
        ("evidence", [MEASURED_ELSEWHERE, MEASURED_HERE], 2),
        ("device", ["<b>Another</b> CPU, 16 threads", "A CPU, 2 threads"], 2),
        ("date", ["2026-11-22", "2026-11-23"], 2),
        ("run", ["run-1", "run-2"], 2),
    ],
)
def test_a_filter_offers_what_there_is_and_keeps_what_fits(field, offered, n_left):
    assert selection.options(ROWS, field) == offered
    assert len(selection.filtered(ROWS, {field: offered[:1]})) == n_left
    assert selection.filtered(ROWS, {field: []}) == ROWS


def test_filters_hold_together():
    wanted = {"variant": ["GQA"], "evidence": [MEASURED_HERE], "run": []}
    assert selection.filtered(ROWS, wanted) == [LOCAL[1]]
    assert selection.filtered(ROWS, wanted | {"run": ["run-2"]}) == []


def test_the_table_says_its_evidence_and_finds_the_mha_of_the_same_run():
    table = runs_table([LOCAL[1], IMPORTED[1]], ROWS).frame()
    assert list(table["Evidence"]) == [MEASURED_HERE, MEASURED_ELSEWHERE]
    assert table["Speed vs MHA"].tolist()[0] == 2.0  # 4 ms / 2 ms
    assert table["Speed vs MHA"].isna().tolist() == [False, True]  # 2 ms / 2 ms: no telling
    assert list(table["Verdict"]) == ["quiet", "quiet"]
    assert table["Attend (ms)"].tolist() == [2.0, 2.0]
    assert table["Attend, median (ms)"].tolist() == [3.0, 2.0]
    assert list(table["Run"]) == ["run-1", "run-2"]
    assert list(table["Device"])[1] == "<b>Another</b> CPU, 16 threads"
    assert list(table.columns[:4]) == ["Variant", "K/V heads", "Context", "Evidence"]
    assert not runs_table([], ROWS)


def test_what_was_measured_elsewhere_is_never_this_device_s():
    device = Device(type="cpu", name="A CPU", n_threads=2)
    assert measured_on(LOCAL, device) == LOCAL
    assert measured_on(decode_rows([samples.record()], MEASURED_ELSEWHERE), device) == []


def test_a_selection_is_of_one_device_and_kind_of_evidence_with_its_newest_points():
    assert selection.selections(ROWS, "device") == [A_CPU, ANOTHER]
    assert selection.selections(ROWS, "date")[1] == f"2026-11-22, {ANOTHER}"
    assert selection.selections(ROWS, "run")[0] == f"run-1, {A_CPU}"
    assert {selection.settings_name(row) for row in ROWS} == {SETTINGS}
    old = decode_rows([samples.record(run_id="run-0", created_at="2026-11-20T08:00:00+00:00")])
    for rows in (LOCAL + old, old + LOCAL):
        newest = selection.selected(rows, "device", A_CPU, SETTINGS)
        assert sorted(newest, key=lambda row: row.record.point) == LOCAL
    assert selection.selected(ROWS, "device", A_CPU, "others") == []


def test_two_selections_are_compared_over_the_points_that_both_have():
    sentence = compared_sentence(LOCAL, IMPORTED)
    assert sentence.startswith(
        "Over 2 points that both have, B attends in 0.5x to 1x (median 0.75x)"
    )
    assert "Over 1 point that" in compared_sentence(LOCAL, IMPORTED[:1])
    assert "no point in common" in compared_sentence(LOCAL[:1], IMPORTED[1:])


def pairs(rows):
    matched = zip(rows, selection.mha_of_run(rows, rows), strict=True)
    return [SharingPair.from_rows(row, mha) for row, mha in matched if mha and row.variant != "MHA"]


def test_the_answer_is_of_pairs_of_one_run():
    assert sharing_sentence(pairs(ROWS)) == (
        "In 2 pairs of GQA or MQA with the MHA of the same run, the cache was 4x smaller, and "
        "attending took 0.5x to 1x (median 0.75x) of MHA's time: faster in 1 of 2, "
        "not told apart in 1."
    )
    assert "nothing to compare" in sharing_sentence(pairs([LOCAL[0], IMPORTED[1]]))
    assert "nothing to compare" in sharing_sentence([])


def test_the_chart_fills_what_was_measured_here_and_opens_what_was_not():
    figure = attend_compared({"A": LOCAL, "B": IMPORTED})
    assert [t.name for t in figure.data] == ["A: MHA", "A: GQA 2 K/V", "B: MHA", "B: GQA 2 K/V"]
    assert {t.mode for t in figure.data} == {"markers"}
    symbols = [t.marker.symbol for t in figure.data]
    assert symbols == ["circle", "square", "circle-open-dot", "square-open-dot"]
    a, b = figure.data[1], figure.data[3]
    assert a.marker.color == b.marker.color == VARIANT_STYLES["GQA"].color
    assert a.marker.size > b.marker.size
    assert a.x[0] < 64 < b.x[0]
    assert list(a.y) == [0.002]
    assert list(a.error_y.array) == pytest.approx([0.0002])  # up to 2.2 ms
    assert list(a.error_y.arrayminus) == pytest.approx([0.0001])  # down to 1.9 ms
    assert b.text == ("64 tokens, measured elsewhere: 2 ms (95% CI 2 ms to 2 ms)",)
    assert figure.layout.yaxis.range == pytest.approx((-3, -2))


def test_the_axis_of_time_holds_every_bar():
    spread = samples.around(2e-3, low=5e-5, high=0.3, median=0.3)
    wild = decode_rows([samples.record(attend=spread)])
    for figure in (attend_compared({"A": wild}), attend_vs_context(wild, None, 64)):
        low, high = figure.layout.yaxis.range
        assert 10**low <= 5e-5 * 1.001
        assert 10**high >= 0.3 * 0.999


def test_a_chart_of_nothing_is_empty_and_no_error():
    assert len(attend_compared({"A": [], "B": []}).data) == 0


def test_machines_with_the_same_device_are_compared_by_their_names():
    records = []
    for machine in ("node1", "node2"):
        record = samples.record(run_id=machine)
        device = replace(record.device, machine=machine)
        records.append(replace(record, device=device))
    rows = decode_rows(records)
    names = ["A CPU, 2 threads, node1", "A CPU, 2 threads, node2"]
    assert selection.selections(rows, "device") == names
    assert selection.options(rows, "device") == names
    assert selection.filtered(rows, {"device": names[:1]}) == rows[:1]
