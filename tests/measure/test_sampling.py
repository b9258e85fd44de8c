"""Sampling with told times: turns, an order that changes, settled steps drop out, budgets end."""

import random

import pytest

from gqa_core.measure import sampling
from gqa_core.measure.sampling import (
    ATTENDS_PER_ROUND,
    BUDGET_S,
    MAX_ROUNDS,
    MIN_S,
    READS_PER_ROUND,
    take_samples,
)


class FakeMachine:
    """A clock that moves as steps and probes run, and the order in which they ran."""

    def __init__(self):
        self.now = 0.0
        self.events = []

    def read(self):
        self.now += 0.01
        self.events.append("read")

    def multiply(self):
        self.now += 0.001
        self.events.append("multiply")


class FakeStep:
    """A step that takes what `seconds` returns: three quarters of it attending."""

    def __init__(self, machine, name, seconds):
        self.machine, self.name, self.seconds = machine, name, seconds

    def _run(self, what):
        seconds = self.seconds()
        self.machine.now += seconds
        self.machine.events.append(f"{what} {self.name}")
        return seconds

    def time_phases(self):
        seconds = self._run("phases")
        shares = {"project": 0.125, "append": 0.0625, "attend": 0.75, "output": 0.0625}
        return {phase: share * seconds for phase, share in shares.items()}

    def time_whole(self):
        return self._run("whole")

    def time_attend(self):
        return 0.75 * self._run("attend")

    def time_overhead(self):
        return 1e-5


def sampled(seconds_by_name, least=5, **options):
    machine = FakeMachine()
    steps = [FakeStep(machine, name, seconds) for name, seconds in seconds_by_name.items()]
    samples = take_samples(steps, machine, least=least, now=lambda: machine.now, **options)
    return machine, dict(zip(seconds_by_name, samples, strict=True))


def spread_by(generator, base, width):
    return lambda: base * (1 + width * generator.random())


def test_every_round_has_both_passes_of_each_step_each_behind_a_probe():
    machine, samples = sampled({"a": lambda: 0.1, "b": lambda: 0.2}, least=3)
    assert machine.events.count("multiply") == (1 + ATTENDS_PER_ROUND) * samples["a"].count
    events = [event for event in machine.events if event != "multiply"]
    passes = ["phases", *["attend"] * ATTENDS_PER_ROUND, "whole"]
    for index, what in enumerate(passes):
        read, *steps = events[3 * index : 3 + 3 * index]
        assert read == "read"
        assert sorted(steps) == [f"{what} a", f"{what} b"]
    assert events[: 3 * len(passes)].count("read") == READS_PER_ROUND
    assert machine.events[-1] == "read"  # after the last samples too
    for name, seconds in (("a", 0.1), ("b", 0.2)):
        seconds_by_name = samples[name].seconds
        count = samples[name].count
        assert seconds_by_name["attend"] == pytest.approx(
            [0.75 * seconds] * ATTENDS_PER_ROUND * count
        )
        assert seconds_by_name["step"] == [seconds] * count
        assert {len(seconds_by_name[name]) for name in ("project", "append", "output")} == {count}
        assert len(samples[name].overhead) == len(seconds_by_name["step"])


def test_the_order_is_drawn_anew_so_that_no_step_always_follows_the_same():
    machine, _ = sampled({"a": lambda: 0.001, "b": lambda: 0.001, "c": lambda: 0.001}, least=40)
    ran = [event for event in machine.events if event.startswith("whole")]
    orders = {tuple(ran[index : index + 3]) for index in range(0, len(ran), 3)}
    assert len(orders) == 6


def test_steady_steps_end_when_enough_time_has_passed_and_not_before():
    machine, samples = sampled({"a": lambda: 0.002})
    assert MIN_S <= machine.now < MIN_S + 0.1
    assert samples["a"].count > 5


def test_as_many_samples_as_asked_are_taken_however_long_they_take():
    machine, samples = sampled({"slow": lambda: 2 * BUDGET_S}, least=4)
    assert samples["slow"].count == 4
    assert machine.now > 4 * BUDGET_S


def test_a_step_that_settles_drops_out_and_the_others_go_on():
    noisy = spread_by(random.Random(1), 0.01, 1.0)
    _, samples = sampled({"steady": lambda: 0.01, "noisy": noisy})
    assert samples["noisy"].count > 1.5 * samples["steady"].count
    assert samples["steady"].is_settled()


def test_a_step_that_never_settles_ends_with_the_budget():
    seconds = iter(10 / n for n in range(1, 10_000))  # ever shorter
    machine, samples = sampled({"restless": lambda: next(seconds)})
    assert not samples["restless"].is_settled()
    assert samples["restless"].count == 5
    assert machine.now >= BUDGET_S


def test_rounds_are_bounded(monkeypatch):
    monkeypatch.setattr(sampling, "MIN_S", 1e9)
    _, samples = sampled({"a": lambda: 1e-6}, budget_s=1e9)
    assert samples["a"].count == MAX_ROUNDS


def test_the_5th_percentile_survives_neighbours_that_the_median_does_not():
    generator = random.Random(7)

    def disturbed():  # three quarters of the time another process runs too
        return 0.01 * (generator.uniform(2, 6) if generator.random() < 0.75 else 1.0)

    _, samples = sampled({"a": disturbed}, least=60)
    summary = sampling.TimeSummary.from_samples(samples["a"].seconds["step"])
    assert summary.p5 == pytest.approx(0.01, rel=0.05)
    assert summary.median > 0.02


def test_progress_is_reported_now_and_then():
    reported = []
    sampled({"a": lambda: 0.15}, least=12, on_progress=lambda *report: reported.append(report))
    assert 2 <= len(reported) <= 12
    assert reported[0][1] == 0
    assert reported[-1] == ("12 samples in 12 s", 1)
