"""The fields that every record begins with: run, point, time, code, torch version and device.

A record is one JSON object per measured point. `schema_version` rises whenever a field changes its
name or meaning; `upgrade` brings a record of the version before forward.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
from msgspec import Struct

from gqa_core.configs import validate_int
from gqa_core.records.validation import quoted, validate_equal, validate_text

__all__ = [
    "MAX_MACHINE_LEN",
    "MEASURED_ELSEWHERE",
    "MEASURED_HERE",
    "SCHEMA_VERSION",
    "Device",
    "DeviceInfo",
    "Evidence",
    "KindName",
    "RecordHeader",
    "RunHeader",
    "git_commit",
    "own_machine",
]

SCHEMA_VERSION: Literal[5] = 5
MAX_POINTS = 1_000_000
MAX_THREADS = 2**16
MAX_MACHINE_LEN = 64
MACHINE = "GQA_MACHINE"  # environment variable: a name for this machine in records
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
COMMIT = re.compile(r"[0-9a-f]{7,64}")

KindName = Literal["decode", "sharded", "verify", "generate", "growth", "quality"]
Evidence = Literal["measured here", "measured elsewhere"]
MEASURED_HERE: Evidence = "measured here"
MEASURED_ELSEWHERE: Evidence = "measured elsewhere"


class Device(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A device: torch's type of it, the vendor's name, and the CPU threads that torch uses.

    `machine` tells machines with the same device apart; None, and no part of the record's JSON,
    unless GQA_MACHINE gives it a name.
    """

    type: str
    name: str
    n_threads: int
    machine: str | None = None

    def validate(self) -> None:
        """Raise ValueError unless the texts are short lines and there is at least one thread."""
        validate_text("device.type", self.type, 20)
        validate_text("device.name", self.name)
        if self.machine is not None:
            validate_text("device.machine", self.machine, MAX_MACHINE_LEN)
        validate_int("device.n_threads", self.n_threads, MAX_THREADS)


class DeviceInfo(Struct, frozen=True, kw_only=True):
    """The device that measurements run on, the torch that runs them, and bytes they could take.

    `requestable` has the names of all devices here that a run may request. `bandwidth_bytes_per_s`
    is a GPU's by its memory clock and bus width, None where the driver does not tell them: nothing
    is measured for it, and no bound is computed from it.
    """

    type: str
    name: str
    n_threads: int
    torch_version: str
    free_bytes: int
    requestable: tuple[str, ...] = ("cpu",)
    bandwidth_bytes_per_s: float | None = None
    machine: str | None = None

    @property
    def device(self) -> Device:
        """The device as records describe it."""
        return Device(
            type=self.type, name=self.name, n_threads=self.n_threads, machine=self.machine
        )


class RunHeader(Struct, frozen=True, kw_only=True):
    """The fields that all records of one run share."""

    run_id: str
    git_commit: str | None

    @classmethod
    def new(cls) -> RunHeader:
        """A header with an id that no other run has, and the commit of this code."""
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        return cls(run_id=run_id, git_commit=git_commit())


class RecordHeader(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The fields that records of every kind begin with; in JSON their `kind` comes first."""

    kind: ClassVar[KindName]

    schema_version: Literal[5]
    run_id: str
    point: int
    created_at: str
    git_commit: str | None
    torch_version: str
    device: Device

    def validate(self) -> None:
        """Raise ValueError unless the header could be that of a record written by this code."""
        validate_equal("schema_version", self.schema_version, SCHEMA_VERSION)
        if not RUN_ID.fullmatch(self.run_id):
            raise ValueError(
                f"run_id must be 1 to 64 letters, digits, dots, dashes: got {quoted(self.run_id)}"
            )
        validate_int("point", self.point, MAX_POINTS, least=0)
        _validate_time(self.created_at)
        if self.git_commit is not None and not COMMIT.fullmatch(self.git_commit):
            raise ValueError(
                f"git_commit must be a commit's hash or null: got {quoted(self.git_commit)}"
            )
        validate_text("torch_version", self.torch_version, 60)
        self.device.validate()

    def to_builtins(self) -> dict[str, Any]:
        """The record as its JSON is parsed: dicts, lists, numbers, texts."""
        return msgspec.json.decode(msgspec.json.encode(self))


def header_fields(run: RunHeader, point: int, torch_version: str, device: Device) -> dict[str, Any]:
    """The header's fields of a record measured now, as keyword arguments."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.run_id,
        "point": point,
        "created_at": datetime.now(UTC).isoformat(),
        "git_commit": run.git_commit,
        "torch_version": torch_version,
        "device": device,
    }


def own_machine() -> str | None:
    """The name that the environment's GQA_MACHINE gives this machine; None without one.

    Raises:
        ValueError: it is no short line.
    """
    name = os.environ.get(MACHINE) or None
    if name is not None:
        validate_text(MACHINE, name, MAX_MACHINE_LEN)
    return name


def git_commit() -> str | None:
    """The commit of the checkout that this code runs from, or None outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _validate_time(value: str) -> None:
    """Raise ValueError unless this is a past moment as `datetime.isoformat` writes it in UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() != timedelta(0) or moment.isoformat() != value:
        raise ValueError(
            f"created_at must be a UTC time like 2026-01-31T12:00:00+00:00: got {quoted(value)}"
        )
    if moment > datetime.now(UTC) + timedelta(days=1):
        raise ValueError(f"created_at must not lie in the future: got {quoted(value)}")
