"""Events that a run reports while it measures, one JSON object per line between processes.

`str(event)` is the sentence that people read on a terminal. Records are not events: they have a
stream of their own.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gqa_core.records.header import DeviceInfo

__all__ = [
    "Event",
    "Finished",
    "NotLogged",
    "Note",
    "PointFailed",
    "Progress",
    "Started",
    "Waiting",
    "decode_event",
    "encode_event",
]


class Started(Struct, frozen=True, kw_only=True, tag_field="event", tag="started"):
    """The run was accepted, on this device; a search counts the most points it may measure."""

    n_points: int
    device_info: DeviceInfo

    def __str__(self) -> str:
        return progress_line(0, self.n_points, "starting")


class Waiting(Struct, frozen=True, kw_only=True, tag_field="event", tag="waiting"):
    """Another run is measured on this machine, by this process if the system tells it."""

    holder_pid: int | None

    @property
    def holder(self) -> str:
        """That other run in words: "process 4711"."""
        return "another run" if self.holder_pid is None else f"process {self.holder_pid}"

    def __str__(self) -> str:
        return f"waiting: {self.holder} is measuring on this machine, this run starts when it ends"


class Progress(Struct, frozen=True, kw_only=True, tag_field="event", tag="progress"):
    """The points that are done, and the current activity, such as timing the next one."""

    n_done: int
    n_points: int
    activity: str

    def __str__(self) -> str:
        return progress_line(self.n_done, self.n_points, self.activity)


class PointFailed(Struct, frozen=True, kw_only=True, tag_field="event", tag="point_failed"):
    """A point could not be measured; the run goes on with the next."""

    spec: str
    reason: str

    def __str__(self) -> str:
        return f"{self.spec}: not measured, {self.reason}"


class NotLogged(Struct, frozen=True, kw_only=True, tag_field="event", tag="not_logged"):
    """Records that were measured and printed, but that the log could not keep."""

    n_records: int
    n_points: int
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.n_records} of {self.n_points} records were measured but are not in the log: "
            f"{self.reason}"
        )


class Note(Struct, frozen=True, kw_only=True, tag_field="event", tag="note"):
    """A sentence for people."""

    text: str

    def __str__(self) -> str:
        return self.text


class Finished(Struct, frozen=True, kw_only=True, tag_field="event", tag="finished"):
    """The run is over: points tried, failed, and measured but not logged."""

    n_points: int
    n_failed: int
    n_not_logged: int

    def __str__(self) -> str:
        return progress_line(self.n_points, self.n_points, "done")


Event = Waiting | Started | Progress | PointFailed | NotLogged | Note | Finished

_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode_event(event: Event) -> str:
    """The event as one line of JSON."""
    return msgspec.json.encode(event).decode()


def decode_event(line: str | bytes) -> Event:
    """The event that a line of JSON holds.

    Raises:
        ValueError: the line is no event.
    """
    return _DECODER.decode(line)


def progress_line(n_done: int, n_points: int, activity: str) -> str:
    """The points that are done and the current activity: "3 of 15: timing ..."."""
    return f"{n_done} of {n_points}: {activity}"
