"""What pages load: the only place that caches, and the only one that starts a process for it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import msgspec
import streamlit as st

from dashboard.data.decode_rows import Row, decode_rows
from dashboard.data.non_decode_rows import non_decode_rows
from dashboard.shell.jobs import ROOT, JobQueue
from gqa_core.catalog.corpus import python_topics
from gqa_core.records.head_inspection import HeadInspection
from gqa_core.records.record import Record
from gqa_core.records.reference_runs import reference_runs
from gqa_core.records.run_log import RunLog
from gqa_core.records.specs.inspection import InspectionSpec


@st.cache_data(max_entries=1, show_spinner="Looking at this machine ...")
def device() -> dict[str, Any]:
    """The device measurements run on, as a child process with torch describes it.

    Raises:
        RuntimeError: the child could not tell; its last words.
    """
    return _told_by_child("device", "--json")


@st.cache_data(max_entries=16, show_spinner="Looking into the heads ...")
def heads(question: InspectionSpec) -> HeadInspection:
    """Attention weights and head similarity of the pretrained model, computed in a child process.

    Raises:
        RuntimeError: the child could not tell; its last words.
    """
    return msgspec.convert(_told_by_child(*question.arguments), HeadInspection)


@st.cache_resource
def job_queue() -> JobQueue:
    """The one queue of this server."""
    return JobQueue()


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


def _told_by_child(*arguments: str) -> dict[str, Any]:
    """The JSON object that `python -m gqa_core` prints with these arguments."""
    command = [sys.executable, "-m", "gqa_core", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or "no word").splitlines()[-1])
    return json.loads(done.stdout)


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
