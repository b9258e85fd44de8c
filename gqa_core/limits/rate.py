"""Counts what each visitor starts within a span of time."""

from __future__ import annotations

from collections import OrderedDict, deque

__all__ = ["Rate"]

MAX_VISITORS = 10_000  # remembered; who came longest ago is forgotten first


class Rate:
    """The times at which each visitor started something, in the last `span_s` seconds."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, visitor: str, now_s: float) -> int:
        """The number of starts of this visitor within the span."""
        times = self._times.get(visitor, deque())
        while times and times[0] <= now_s - self._span_s:
            times.popleft()
        return len(times)

    def note(self, visitor: str, now_s: float) -> None:
        """Note a start."""
        self._times.setdefault(visitor, deque()).append(now_s)
        self._times.move_to_end(visitor)
        while len(self._times) > MAX_VISITORS:
            self._times.popitem(last=False)
