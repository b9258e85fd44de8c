"""Errors of comparisons on a chart: against their tolerances, equal ones, and those that fail."""

from dashboard.figures.comparison_errors import comparison_errors
from dashboard.report.verification import SHORT_NAMES
from gqa_core.records.specs.verify import COMPARISONS
from tests.records import fake_comparisons as comparisons

RECORDS = [
    comparisons.record("gqa_is_mha", 0.0),
    comparisons.record("kernel_eager", 2.5e-7),
    comparisons.record("int8_is_float64", 0.5),
]


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_errors_stand_beside_their_tolerances_and_failures_are_crosses():
    drawn = traces(comparison_errors(RECORDS, SHORT_NAMES))
    assert list(drawn) == ["tolerance", "within its tolerance", "beyond it: fails"]
    assert list(drawn["tolerance"].x) == [1e-5, 1e-5, 1.5e-2]
    passed, failed = drawn["within its tolerance"], drawn["beyond it: fails"]
    assert list(passed.y) == ["GQA = MHA", "eager = float64"]
    assert list(passed.x) == [1e-9, 2.5e-7]  # one that is equal to the last bit: the left edge
    assert list(passed.text) == ["equal to the last bit", "2.5e-07"]
    assert (list(failed.x), failed.marker.symbol) == ([0.5], "x")


def test_a_sample_s_errors_are_open_markers():
    (passed,) = [
        trace
        for trace in comparison_errors(RECORDS, SHORT_NAMES, is_sample=True).data
        if trace.name.startswith("within")
    ]
    assert passed.marker.symbol == "circle-open-dot"


def test_the_first_comparison_is_on_top_and_every_one_has_a_short_name():
    figure = comparison_errors(RECORDS, SHORT_NAMES)
    assert figure.layout.yaxis.categoryarray[-1] == "GQA = MHA"
    assert SHORT_NAMES.keys() == COMPARISONS.keys()
    assert len(set(SHORT_NAMES.values())) == len(COMPARISONS)


def test_no_comparison_leaves_the_axes():
    figure = comparison_errors([], SHORT_NAMES)
    assert figure.layout.xaxis.type == "log"
