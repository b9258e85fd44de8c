"""Limits on what visitors of a dashboard may ask of its machine: one object, read once from GQA_*.

Each limit has two defaults: a generous one for the user's own machine, and a strict one for a
server that strangers reach, which GQA_HOSTED=1 chooses. The limits bind visitors; whoever starts
the command line is not bound.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

from pydantic import ByteSize, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["OTHER_NAMES", "PREFIX", "Limits", "limits", "variable"]

PREFIX = "GQA_"
HOST_NAMES = {  # which a host may set and are no limits; they are read where they are used
    "GQA_RUN_LOG",
    "GQA_LOCK_FOLDER",
    "GQA_LOCAL_FILES",
    "GQA_FRAME_HOSTS",
    "GQA_MACHINE",
}
OTHER_NAMES = HOST_NAMES | {
    "GQA_CHILD_BYTES",
    "GQA_CLEAN_ROOT",
    "GQA_PORT",
    "GQA_NIGHTLY",
    "GQA_REQUIRE_BROWSER",
    "GQA_REQUIRE_POSTGRES",
}
DAY_S = 86_400

Records = Literal["shared", "session", "shipped"]


def _limit(local: Any, hosted: Any, meaning: str, rule: str = "", **bounds: Any) -> Any:
    """A field with both defaults, what it means, and the rule that a refusal quotes."""
    extra = {"hosted": hosted, "rule": rule}
    return Field(default=local, description=meaning, json_schema_extra=extra, **bounds)


class Limits(BaseSettings):
    """The limits of this process; the names in the environment are these with GQA_ before them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, validate_default=True
    )

    hosted: bool = Field(
        default=False, description="Take the strict defaults, for a server that strangers reach."
    )
    allow_measuring: bool = _limit(
        True,
        True,
        "Visitors may start measurements and look into the heads of the small model.",
        "no measurements are started here",
    )
    allow_training: bool = _limit(
        True,
        False,
        "Visitors may train the small model, which the page Quality does for minutes.",
        "no training is started here",
    )
    allow_imports: bool = _limit(
        True,
        True,
        "Visitors may import models, logs of engines and records.",
        "nothing can be imported here",
    )
    visible_records: Records = _limit(
        "shared",
        "session",
        "Records that a visitor sees beside the shipped ones: `shared` all of the run log, into "
        "which imports go too; `session` the own runs and imports; `shipped` none.",
        "records cannot be imported where only shipped ones are shown",
    )
    run_seconds: int = _limit(
        14_400,
        300,
        "Seconds that a run may take: refused by its estimate, and ended at its deadline.",
        "a run may take at most {value} s here",
        ge=1,
        le=7 * DAY_S,
    )
    run_bytes: ByteSize = _limit(
        10**12,
        2 * 10**9,
        "Bytes that a run may take for its tensors, such as `2GB`.",
        "a run may take at most {value} of memory here",
        ge=10**6,
        le=10**15,
    )
    memory_margin_percent: int = _limit(
        10,
        20,
        "Percent of the free memory that no run may take.",
        "a run must leave {value}% of the free memory",
        ge=0,
        le=90,
    )
    run_points: int = _limit(
        2_000,
        60,
        "Points that a run may measure.",
        "points per run are limited to {value} here",
        ge=1,
        le=10**6,
    )
    run_samples: int = _limit(
        10_000,
        1_000,
        "Samples that a point may take.",
        "samples per point are limited to {value} here",
        ge=3,
        le=10**6,
    )
    threads: int = _limit(
        0,
        2,
        "CPU threads of a run; 0 is as many as torch takes.",
        "threads per run are limited to {value} here",
        ge=0,
        le=4_096,
    )
    queue_runs: int = _limit(
        8,
        4,
        "Runs that may wait for their turn, of all visitors together.",
        "the queue of runs is limited to {value} here",
        ge=1,
        le=1_000,
    )
    visitor_runs: int = _limit(
        2,
        1,
        "Runs that a visitor may have waiting or running; at most one of them waits.",
        "runs per visitor are limited to {value} at once here",
        ge=1,
        le=1_000,
    )
    visitor_runs_per_hour: int = _limit(
        600,
        12,
        "Runs and looks into the heads that a visitor may start in an hour.",
        "runs per visitor are limited to {value} per hour here",
        ge=1,
        le=10**6,
    )
    address_runs: int = _limit(
        8,
        2,
        "Runs that visitors of one public address may have waiting, where the address is known.",
        "waiting runs per address are limited to {value} here",
        ge=1,
        le=1_000,
    )
    closed_waiting_seconds: int = _limit(
        15,
        15,
        "Seconds after which a closed tab ends its waiting run.",
        "a waiting run is ended {value} s after its tab was closed",
        ge=1,
        le=7 * DAY_S,
    )
    closed_running_seconds: int = _limit(
        60,
        60,
        "Seconds after which a closed tab ends its running run.",
        "a run is ended {value} s after its tab was closed",
        ge=1,
        le=7 * DAY_S,
    )
    paste_bytes: ByteSize = _limit(
        16 * 2**20,
        2**20,
        "Bytes that a pasted text may have.",
        "a pasted text may have at most {value} here",
        ge=1_000,
        le=2**26,
    )
    upload_bytes: ByteSize = _limit(
        64 * 2**20,
        8 * 2**20,
        "Bytes that an uploaded file may have.",
        "an uploaded file may have at most {value} here",
        ge=1_000,
        le=2**30,
    )
    session_upload_bytes: ByteSize = _limit(
        512 * 2**20,
        16 * 2**20,
        "Bytes of uploaded files that a session may keep in memory.",
        "a session may keep at most {value} of uploaded files here",
        ge=1_000,
        le=2**36,
    )
    imports_per_minute: int = _limit(
        60,
        6,
        "Pastes and uploads that a visitor may have read in a minute.",
        "imports per visitor are limited to {value} per minute here",
        ge=1,
        le=10**6,
    )
    session_records: int = _limit(
        50_000,
        2_000,
        "Imported records that a session may keep, where they stay in the session.",
        "imported records per session are limited to {value} here",
        ge=1,
        le=10**6,
    )
    sessions: int = _limit(
        1_000,
        100,
        "Visitors that may be connected at once.",
        "visitors are limited to {value} at once here",
        ge=1,
        le=10**6,
    )

    @model_validator(mode="before")
    @classmethod
    def _take_hosted_defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Put the strict default where GQA_HOSTED is set and the environment names no value."""
        if str(values.get("hosted", "")).strip().lower() not in (
            "1",
            "true",
            "yes",
            "on",
            "t",
            "y",
        ):
            return values
        fields = {name: field.json_schema_extra for name, field in cls.model_fields.items()}
        strict = {
            name: extra["hosted"] for name, extra in fields.items() if isinstance(extra, dict)
        }
        return strict | values


@cache
def limits() -> Limits:
    """The limits of this process, as the environment had them at the first call.

    Raises:
        ValueError: a value is none, or a variable GQA_... is not known.
    """
    _validate_names(os.environ)
    try:
        return Limits()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        reason = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        raise ValueError(
            f"{variable(name)} must be {reason}: got {str(first['input'])[:40]!r}"
        ) from None


def variable(name: str) -> str:
    """The variable of the environment that sets the limit of this name."""
    return f"{PREFIX}{name.upper()}"


def _validate_names(names: Iterable[str]) -> None:
    """Raise ValueError unless each variable of ours is known: a misspelt limit would be none."""
    settings = HOST_NAMES | {variable(name) for name in Limits.model_fields}
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in OTHER_NAMES | settings:
            near = difflib.get_close_matches(name.upper(), settings, n=1, cutoff=0.75)
            hint = f"; {near[0]} is" if near else ""
            raise ValueError(f"{name} in the environment is no setting of GQA Lab{hint}")
