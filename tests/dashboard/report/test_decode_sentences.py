"""The answers that pages close with, from records whose numbers are known."""

from dashboard.data.decode_rows import decode_rows
from dashboard.report.decode_sentences import decode_answer
from dashboard.report.verification import comparisons_answer
from tests.dashboard.example_settings import MHA
from tests.records import fake_comparisons as comparisons
from tests.records import fake_records as samples

ROWS = decode_rows(
    [
        samples.record(index=0, spec=samples.point(MHA), attend=[0.008] * 3, step=0.020),
        samples.record(index=1, attend=[0.002] * 3, step=0.010),
    ]
)


def test_a_step_is_told_with_its_part_that_attends_and_the_speed_against_mha():
    assert decode_answer(ROWS, 64) == (
        "One step at 64 tokens: MHA 20 ms, of which attending over the cache 8 ms; GQA 10 ms, of "
        "which attending over the cache 2 ms (4x the speed of MHA)."
    )
    assert decode_answer(ROWS[1:], 64).endswith("attending over the cache 2 ms.")
    assert decode_answer(ROWS, 128) == "Not measured yet at 128 tokens: press Run."


def test_comparisons_name_the_one_that_takes_most_of_its_tolerance():
    near = [comparisons.record("gqa_is_mha", 1e-7), comparisons.record("kernel_sdpa", 4e-7)]
    furthest = "kernel sdpa against float64 takes most of its tolerance, {} of 1.0e-05."
    assert comparisons_answer(near, planted=False) == (
        f"It is the same attention: all 2 comparisons pass; {furthest.format('4.0e-07')}"
    )
    wrong = [near[0], comparisons.record("kernel_sdpa", 0.5)]
    assert comparisons_answer(wrong, planted=True) == (
        "Heads or scales in the wrong order are another attention: 1 of 2 comparisons fail; "
        f"{furthest.format('5.0e-01')}"
    )
    assert comparisons_answer(wrong, planted=False).startswith("It is not the same: 1 of 2 ")
    quantised = [near[0], comparisons.record("int8_is_float64", 9e-3)]
    assert comparisons_answer(quantised, planted=False).endswith(
        "int8_per_token_head against float64 takes most of its tolerance, 9.0e-03 of 1.5e-02."
    )
