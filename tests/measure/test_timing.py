"""Timing with a fake clock: laps by phase, whole passes, and when the queue is drained."""

from gqa_core.measure.timing import Clock, time_phases, time_whole


class FakeClock:
    """Time that passes only when told; writes down when the queue was drained."""

    def __init__(self):
        self.now = 100.0
        self.events = []
        self.clock = Clock(self._mark, lambda start, end: end - start, self._synchronize)

    def _mark(self):
        self.events.append("mark")
        return self.now

    def _synchronize(self):
        self.events.append("synchronize")

    def work(self, seconds):
        self.events.append("work")
        self.now += seconds


def test_phases_are_summed_over_layers():
    fake = FakeClock()

    def step(on_phase_end):
        for seconds in (1.0, 10.0):
            fake.work(seconds)
            on_phase_end("project")
            fake.work(2 * seconds)
            on_phase_end("attend")

    assert time_phases(step, fake.clock) == {"project": 11.0, "attend": 22.0}


def test_a_whole_pass_is_timed_with_the_queue_drained_on_both_sides():
    fake = FakeClock()
    assert time_whole(lambda: fake.work(3.0), fake.clock) == 3.0
    assert fake.events == ["synchronize", "mark", "work", "mark", "synchronize"]


def test_no_seconds_are_asked_for_before_the_queue_is_drained():
    fake = FakeClock()
    events = []
    clock = Clock(
        fake.clock.mark,
        lambda start, end: events.append(fake.events[-1]) or end - start,
        fake.clock.synchronize,
    )
    time_phases(lambda on_phase_end: on_phase_end("attend"), clock)
    time_whole(lambda: None, clock)
    assert events == ["synchronize", "synchronize"]
