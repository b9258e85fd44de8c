"""What pages load: the only place that caches, and the only one that asks the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import streamlit as st

from dashboard.data.decode_rows import Row, decode_rows
from dashboard.data.non_decode_rows import non_decode_rows
from dashboard.shell.job_queue import job_queue
from gqa_core.catalog.corpus import python_topics
from gqa_core.records.head_inspection import HeadInspection
from gqa_core.records.record import Record
from gqa_core.records.reference_runs import reference_runs
from gqa_core.records.run_log import RunLog
from gqa_core.records.specs.inspection import InspectionSpec

DEVICE_TIME_LIMIT_S = 60.0
INSPECTION_TIME_LIMIT_S = 120.0


def device() -> Mapping[str, Any]:
    """The device that measurements run on; it is determined once per process of the server.

    Raises:
        MachineBusyError: it is not known yet, and a run is being measured.
        JobError: it cannot be determined, or not in time.
    """
    queue = job_queue()
    if (known := queue.device_info) is not None:
        return known
    with st.spinner("Reading this machine's device ..."):
        answer = queue.query(("device", "--json"), DEVICE_TIME_LIMIT_S)
    queue.device_info = msgspec.json.decode(answer, type=dict[str, Any])
    return queue.device_info or {}


@st.cache_data(max_entries=16, show_spinner="Inspecting the heads ...")
def heads(spec: InspectionSpec) -> HeadInspection:
    """Attention weights and head similarity of the pretrained model, computed in a child process.

    Raises:
        MachineBusyError: a run is being measured.
        JobError: the child failed, or gave no answer in time.
    """
    answer = job_queue().query(spec.arguments, INSPECTION_TIME_LIMIT_S)
    return msgspec.json.decode(answer, type=HeadInspection)


def logged_rows() -> tuple[Row, ...]:
    """Flat rows of the run log's decode records, read anew only when there are more.

    Raises:
        RunLogError: the log cannot be read.
    """
    log = RunLog()
    return _rows(str(log.path), log.version())


def logged_records(kind: str) -> tuple[Record, ...]:
    """The run log's records of another kind measured here, read anew only when there are more.

    Raises:
        RunLogError: the log cannot be read.
    """
    log = RunLog()
    return _records(str(log.path), log.version(), kind)


@st.cache_resource(show_spinner=False)
def shipped_quality() -> tuple[Record, ...]:
    """The records of quality that come along, measured elsewhere."""
    return reference_runs()


@st.cache_resource(show_spinner=False)
def corpus_sha256() -> str:
    """The hash of the text that this machine's Python would train on."""
    return python_topics().sha256


def logged_others() -> tuple[Row, ...]:
    """The run log's records of all kinds but decode as rows, imported ones too, read anew likewise.

    Raises:
        RunLogError: the log cannot be read.
    """
    log = RunLog()
    return _others(str(log.path), log.version())


@st.cache_resource(max_entries=2, show_spinner=False)
def _rows(path: str, version: str) -> tuple[Row, ...]:
    with_evidence = RunLog(path).with_evidence("decode")
    return tuple(
        row for record, evidence in with_evidence for row in decode_rows([record], evidence)
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _records(path: str, version: str, kind: str) -> tuple[Record, ...]:
    return tuple(RunLog(path).measured_here(kind))


@st.cache_resource(max_entries=2, show_spinner=False)
def _others(path: str, version: str) -> tuple[Row, ...]:
    return tuple(non_decode_rows(RunLog(path).with_evidence()))
