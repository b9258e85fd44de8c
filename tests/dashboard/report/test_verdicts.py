"""Doubts in words: how many points, one of them, and the reason."""

from dashboard.data import selection
from dashboard.data.decode_rows import decode_rows, versus_mha
from dashboard.report.decode_sentences import decode_answer, describe_speed
from dashboard.report.log_sentences import compared_sentence, sharing_sentence
from dashboard.report.verdicts import doubt_sentences, unusable_sentence, verdict_sentence
from gqa_core.records.log.sharing import SharingPair
from gqa_core.records.summaries import decode_line
from tests.dashboard.example_settings import MHA, rows
from tests.records import fake_records as samples

UNDISTURBED = samples.record(spec=samples.point(MHA), attend=[0.004] * 3)
NOISY = samples.record(index=1, bandwidth_samples_bytes_per_s=samples.NOISY_BANDWIDTHS)
UNUSABLE = samples.record(index=1, attend=samples.UNUSABLE)
UNUSABLE_MHA = samples.record(spec=samples.point(MHA), attend=samples.UNUSABLE)
INTERVAL = "the 5th percentile of attend is only known to lie between 1 ms and 2.5 ms"


def test_the_worst_verdict_names_its_points_and_its_reason():
    assert verdict_sentence(rows(UNDISTURBED)) == "Other work did not disturb the samples."
    assert verdict_sentence(rows(UNDISTURBED, NOISY)) == (
        "1 of 2 points, such as GQA at 64 tokens: the usual pass of the bandwidth probe reached "
        "25% of the best one: other work was running."
    )
    assert verdict_sentence(rows(UNDISTURBED, NOISY, UNUSABLE)) == (
        f"1 of 3 points, such as GQA at 64 tokens: {INTERVAL}."
    )
    assert unusable_sentence(rows(UNUSABLE)) == (
        f"The samples are unusable. GQA at 64 tokens: {INTERVAL}. Run again when the machine is "
        "quiet."
    )


def test_a_withheld_bound_and_a_warning_are_said_once_with_their_reason():
    below = samples.record(attend=[0.0004] * 3)
    assert doubt_sentences(rows(UNDISTURBED)) == []
    assert doubt_sentences(rows(UNDISTURBED, below, below)) == [
        "The bound of 2 of 3 points is withheld: attending took 400 us, less than the bound of "
        "500 us: other work slowed the probes, or they do not reach what this device can do."
    ]
    (sentence,) = doubt_sentences(rows(UNDISTURBED, UNUSABLE))
    assert sentence == (
        f"Not counted, for unusable samples: 1 of 2 points, such as GQA at 64 tokens: {INTERVAL}."
    )
    assert doubt_sentences(rows(UNUSABLE)) == []  # the page shows no figures, and says why
    warned = samples.record(peak_was_reset=False)
    (sentence,) = doubt_sentences(rows(warned, warned))
    assert sentence == f"Warnings of the records: {warned.warnings[0]}."


def test_the_answer_of_decode_ranks_nothing_that_overlaps():
    near = samples.around(0.0041, low=0.0039, high=0.0042, median=0.008)
    shown = rows(UNDISTURBED, samples.record(index=1, attend=near))
    answer = decode_answer(shown, 64)
    assert answer.endswith("4 ms with MHA. GQA cannot be told apart from it.")
    assert "as fast" not in answer
    assert "told apart" not in decode_answer(shown[1:], 64)  # nothing to be told apart from


def test_the_answer_of_decode_is_the_reason_where_samples_are_unusable():
    shown = rows(UNDISTURBED, UNUSABLE)
    assert decode_answer(shown, 64) == unusable_sentence(shown)
    assert decode_answer(rows(UNDISTURBED, NOISY), 64).startswith(
        "Attending over 64 tokens takes 4 ms with MHA"
    )


def test_a_missing_mha_is_another_thing_than_a_tie():
    spoken = [describe_speed(versus) for versus in versus_mha(rows(UNDISTURBED, NOISY))]
    assert spoken == ["the baseline", "2x the speed of MHA"]
    assert [describe_speed(v) for v in versus_mha(rows(NOISY))] == ["no MHA to compare with"]
    assert describe_speed(versus_mha(rows(UNDISTURBED, UNUSABLE))[1]) == "not told apart from MHA"


def pairs(*records):
    shown = rows(*records)
    bases = selection.mha_of_run(shown, shown)
    matched = zip(shown, bases, strict=True)
    return [SharingPair.from_rows(row, mha) for row, mha in matched if mha and row.variant != "MHA"]


def test_pairs_with_unusable_samples_are_left_out_of_what_sharing_saved():
    other = samples.record(run_id="run-2", spec=samples.point(MHA), attend=[0.004] * 3)
    unusable = samples.record(run_id="run-2", index=1, attend=samples.UNUSABLE)
    sentence = sharing_sentence(pairs(UNDISTURBED, NOISY, other, unusable))
    assert sentence.startswith("In 1 pair of GQA or MQA")
    assert "attending took 0.5x of MHA's time: faster in 1 of 1." in sentence
    assert sentence.endswith("Left out for unusable samples: 1 pair.")
    assert sharing_sentence(pairs(UNUSABLE_MHA, NOISY)) == (
        "No record shown is a GQA or MQA point whose run measured MHA too, both with usable "
        "samples, so there is nothing to compare."
    )


def test_unusable_points_are_not_compared_between_two_selections():
    first, second = decode_rows([UNDISTURBED, NOISY]), decode_rows([UNDISTURBED, UNUSABLE])
    for sentence in (compared_sentence(first, second), compared_sentence(second, first)):
        assert sentence.startswith("Over 1 point that both have")
        assert sentence.endswith(" Left out for unusable samples: 1 point.")
    assert compared_sentence(first[1:], second[1:]) == (
        "A and B have no point in common with these settings and with usable samples. "
        "Left out for unusable samples: 1 point."
    )
    assert "Left out" not in compared_sentence(first[:1], second[:1])


def test_a_line_of_the_log_names_samples_that_are_not_quiet():
    assert decode_line(UNDISTURBED).endswith("step    10 ms")
    assert decode_line(NOISY).endswith("step    10 ms  noisy samples")
    assert decode_line(UNUSABLE).endswith("step    10 ms  unusable samples")
