"""The answers of pages, from records whose numbers are known."""

from dataclasses import replace

from dashboard.data.decode_rows import decode_rows
from dashboard.data.predicted_steps import predicted_steps
from dashboard.report.decode_sentences import decode_answer, predicted_answer
from dashboard.report.verification import comparisons_answer, metrics, nearest_sentence
from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.records.header import MEASURED_ELSEWHERE
from tests.dashboard.example_settings import DECODE, MHA
from tests.records import fake_comparisons as comparisons
from tests.records import fake_records as samples

MQA = GroupedConfig(n_heads=8, n_kv_heads=1, head_dim=16)
ROWS = decode_rows(
    [
        samples.record(index=0, spec=samples.point(MHA), attend=[0.008] * 3, step=0.020),
        samples.record(index=1, attend=[0.002] * 3, step=0.010),
        samples.record(index=2, spec=samples.point(MQA), attend=[0.001] * 3),
    ]
)


def test_the_attend_time_of_mha_is_told_and_the_speeds_against_it():
    assert decode_answer(ROWS, 64) == (
        "Attending over 64 tokens takes 8 ms with MHA; GQA is 4x as fast and MQA 8x."
    )
    assert decode_answer(ROWS[:1], 64) == "Attending over 64 tokens takes 8 ms with MHA."
    assert decode_answer(ROWS[1:], 64) == (
        "Attending over 64 tokens takes 2 ms with GQA and 1 ms with MQA."
    )
    assert decode_answer(ROWS, 128) == "Nothing is measured at 128 tokens yet."


def test_naive_mla_is_left_out_of_the_answer():
    naive = samples.record(
        index=3, spec=samples.point(default_mla_for(8, 16), kernel="naive"), kernel_ran="naive"
    )
    assert decode_answer([*ROWS, *decode_rows([naive])], 64) == decode_answer(ROWS, 64)


def test_a_prediction_is_told_as_one_with_the_machine_of_its_rates():
    # MLA is bound by its FLOP: 0.1 ms + 8 x 2 x 136 x 128 / 131.072 MFLOP/s = 2.225 ms of 4.1 ms
    predicted = predicted_steps(DECODE, ROWS, (64, 128))
    assert predicted_answer(predicted, 128) == (
        "Predicted, not measured: attending over 128 tokens takes 4.1 ms with MHA; GQA is 3.73x "
        "as fast, MQA 6.83x and MLA 1.84x. From the rates of A CPU (2 threads), here."
    )
    elsewhere = decode_rows([samples.record()], MEASURED_ELSEWHERE)
    other_dtype = replace(DECODE, dtype="bfloat16")
    assert predicted_answer(predicted_steps(other_dtype, elsewhere, (64,)), 64).endswith(
        "From the read bandwidth alone of A CPU (2 threads), measured elsewhere."
    )


def test_comparisons_name_the_one_that_takes_most_of_its_tolerance():
    near = [comparisons.record("gqa_is_mha", 1e-7), comparisons.record("kernel_sdpa", 4e-7)]
    assert comparisons_answer(near, planted=False) == (
        "It is the same attention where K/V heads are copies: all 2 comparisons pass."
    )
    assert nearest_sentence(near) == (
        "kernel sdpa against float64 takes most of its tolerance, 4.0e-07 of 1.0e-05."
    )
    wrong = [near[0], comparisons.record("kernel_sdpa", 0.5)]
    assert comparisons_answer(wrong, planted=True) == (
        "Heads or scales in the wrong order are another attention: 1 of 2 comparisons fail."
    )
    assert (
        comparisons_answer(wrong, planted=False) == "It is not the same: 1 of 2 comparisons fail."
    )
    quantised = [near[0], comparisons.record("int8_is_float64", 9e-3)]
    assert nearest_sentence(quantised).startswith("int8_per_token_head against float64 takes most")
    assert [(each.value, each.note) for each in metrics(quantised)] == [
        ("2 of 2", "within their tolerance"),
        ("1.0e-07", "tolerance 1.0e-05"),
        ("9.0e-03", "tolerance 1.5e-02"),
    ]
