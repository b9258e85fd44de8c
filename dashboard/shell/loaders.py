"""Data that pages load: this module alone caches it, and alone asks the queue for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import streamlit as st

from dashboard.data.decode_rows import decode_rows
from dashboard.settings.devices import device_arguments
from dashboard.shell.job_queue import job_queue
from dashboard.shell.visitors import visitor
from gqa_core.catalog.corpus import python_topics
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.device_names import DEFAULT_DEVICE
from gqa_core.records.head_inspection import HeadInspection
from gqa_core.records.header import MEASURED_ELSEWHERE, DeviceInfo
from gqa_core.records.kinds import QualityRecord, Record
from gqa_core.records.reference_runs import reference_runs
from gqa_core.records.specs.inspection import InspectionSpec
from gqa_core.sample_runs.doubts import doubt
from gqa_core.sample_runs.reader import FOLDER as SAMPLE_FOLDER
from gqa_core.sample_runs.reader import SampleRuns
from gqa_core.sample_runs.reader import sample_runs as read_sample_runs

DEVICE_TIME_LIMIT_S = 60.0
INSPECTION_TIME_LIMIT_S = 120.0


def device(name: str = DEFAULT_DEVICE) -> DeviceInfo:
    """The device of this name; it is determined once per process of the server.

    Raises:
        MachineBusyError: it is not known yet, and a run is being measured.
        JobError: it cannot be determined, or not in time.
    """
    queue = job_queue()
    if (known := queue.known_device(name)) is not None:
        return known
    arguments = ("device", "--json", *device_arguments(name))
    with st.spinner("Reading this machine's device ..."):
        answer = queue.query(arguments, DEVICE_TIME_LIMIT_S)
    info = msgspec.json.decode(answer, type=DeviceInfo)
    queue.set_known_device(name, info)
    return info


def known_device(name: str = DEFAULT_DEVICE) -> DeviceInfo | None:
    """The device of this name if it is determined already; asks nobody."""
    return job_queue().known_device(name)


def live_records(run_id: str | None) -> Sequence[Record]:
    """The records of a run of this server so far, none without one."""
    run = job_queue().get(run_id)
    return run.records if run else ()


def doubts(records: Iterable[Record]) -> list[str]:
    """The reasons why these records were disturbed, none if no other work was near."""
    return [reason for record in records if (reason := doubt(record))]


def heads(spec: InspectionSpec) -> HeadInspection:
    """Attention weights and head similarity of the pretrained model, computed in a child process.

    Raises:
        MachineBusyError: a run is being measured.
        JobError: the child failed, or gave no answer in time.
        LimitError: visitors may not look, or this one has looked too often.
    """
    return _heads(spec, visitor())


@st.cache_data(max_entries=16, show_spinner="Inspecting the heads ...")
def _heads(spec: InspectionSpec, _visitor: str) -> HeadInspection:
    """The inspection of heads; the visitor is no part of the key that it is cached under."""
    answer = job_queue().query(spec.arguments, INSPECTION_TIME_LIMIT_S, _visitor)
    return msgspec.json.decode(answer, type=HeadInspection)


@st.cache_resource(show_spinner=False)
def shipped_quality() -> tuple[QualityRecord, ...]:
    """The records of quality that come along, measured elsewhere."""
    return reference_runs()


def sample_records() -> tuple[Record, ...]:
    """The records of the sample runs that ship, measured elsewhere; none if they are deleted."""
    return _samples(SAMPLE_FOLDER).records


def sample_warnings() -> tuple[str, ...]:
    """One sentence per file of sample runs that cannot be read; none if all can."""
    return _samples(SAMPLE_FOLDER).warnings


def sample_rows() -> tuple[DecodeRow, ...]:
    """Rows of the decode steps among the sample runs."""
    return _sample_rows(SAMPLE_FOLDER)


@st.cache_resource(show_spinner=False)
def corpus_sha256() -> str:
    """The hash of the text that this machine's Python would train on."""
    return python_topics().sha256


@st.cache_resource(max_entries=2, show_spinner=False)
def _samples(folder: Path) -> SampleRuns:
    return read_sample_runs(folder)


@st.cache_resource(max_entries=2, show_spinner=False)
def _sample_rows(folder: Path) -> tuple[DecodeRow, ...]:
    return tuple(decode_rows(_samples(folder).records, MEASURED_ELSEWHERE))
