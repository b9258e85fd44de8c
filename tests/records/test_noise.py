"""Verdicts on samples: quiet, noisy or unusable, and the reason in a sentence."""

from gqa_core.records.noise import Verdict, verdict, worst_verdict
from gqa_core.records.quartiles import TimeSummary, p5_rank

STEADY = TimeSummary.from_samples([0.001 + 1e-6 * n for n in range(40)])
BANDWIDTHS = [30e9, 31e9, 29e9, 30e9]


def sampled(attend, bandwidths=BANDWIDTHS, step=STEADY):
    return verdict({"attend": TimeSummary.from_samples(attend), "step": step}, bandwidths)


def test_steady_samples_are_quiet_even_where_the_bandwidth_switches_between_two_rates():
    assert sampled([0.001] * 40) == Verdict("quiet")
    assert sampled([0.001] * 40, [35e9] * 30 + [65e9] * 10) == Verdict("quiet")
    assert sampled([0.001] * 40, []) == Verdict("quiet")  # none was recorded


def test_a_neighbour_at_the_probe_is_told():
    noisy = sampled([0.001] * 40, [10e9] * 3 + [30e9])
    assert noisy.name == "noisy"
    assert noisy.reason.startswith(
        "the usual pass of the bandwidth probe reached 33.3% of the best"
    )


def test_a_machine_on_which_hardly_a_probe_ran_alone_is_unusable():
    assert sampled([0.001] * 40, [2e9] * 3 + [30e9]).name == "unusable"


def test_a_call_longer_than_a_time_slice_is_unusable_beside_a_neighbour_and_fine_without_one():
    busy = [10e9] * 3 + [30e9]
    assert sampled([0.009] * 40, busy).name == "noisy"
    assert sampled([0.011] * 40, busy).name == "unusable"
    assert "a call of 11 ms is longer than a time slice" in sampled([0.011] * 40, busy).reason
    assert sampled([0.011] * 40).name == "quiet"


def test_a_neighbour_at_the_step_is_told():
    noisy = sampled([0.001] * 10 + [0.005] * 30)
    assert noisy.name == "noisy"
    assert noisy.reason == "half of the samples of attend took over 5x their 5th percentile"


def test_a_5th_percentile_that_is_not_known_is_unusable_for_attend_and_noise_for_the_step():
    wide = [0.0007, 0.0016, 0.0016, 0.0016, *[0.0017] * 16]
    assert sampled(wide).name == "unusable"
    assert "only known to lie between 700 us and 1.6 ms" in sampled(wide).reason
    assert sampled([0.001] * 40, step=TimeSummary.from_samples(wide)).name == "noisy"


def test_the_worst_of_several_counts():
    best, noisy = Verdict("quiet"), Verdict("noisy", "why")
    assert worst_verdict([best, noisy, best]) is noisy
    assert worst_verdict([noisy, Verdict("unusable", "that")]).name == "unusable"
    assert worst_verdict([]) == best


def test_the_rank_above_the_5th_percentile_holds_with_its_confidence():
    # P(at most 3 of 20 below) = 98.4%, of at most 2 only 92.5%: so the 4th
    assert [p5_rank(n) for n in (1, 2, 20, 100)] == [1, 2, 4, 10 + 1]


def test_the_interval_holds_the_percentile_and_rises_with_noise_alone():
    summary = TimeSummary.from_samples([*range(1, 101)])
    assert (summary.p5_low, summary.p5, summary.p5_high) == (1, 5.95, 11)
    assert (summary.median, summary.p95) == (50.5, 95.05)
    assert TimeSummary.from_samples([3.0]).undisturbed.q3 == 3.0
    assert not summary.differs_from(TimeSummary.from_samples([10.0]))
    assert summary.differs_from(TimeSummary.from_samples([12.0]))
