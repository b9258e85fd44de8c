"""Checks of single fields of a record from outside: each says what must be, and what came.

A record from another machine is somebody's word. Its numbers are held to bounds that any real
measurement keeps, so that nothing derived from them later can overflow or divide by zero.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gqa_core.configs import (
    KERNEL_NAMES,
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    validate_int,
)
from gqa_core.records.specs.decode import MAX_SAMPLES

MAX_BYTES = 2**53  # the largest whole number every reader of JSON holds exactly
MIN_S, MAX_S = 1e-9, 1e6
MAX_BYTES_PER_S, MAX_FLOPS_PER_S = 1e18, 1e21
MAX_THREADS = 2**16
MAX_TEXT = 200
MAX_TEXTS = 20
RUN_BY_SPREADSHEETS = ("=", "+", "-", "@")  # at the start of a cell of a CSV file
SHOWN = 40  # characters of a value in a sentence about it


def shown(value: object) -> str:
    """A value as a sentence quotes it: on one line, cut short."""
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def require_fields(name: str, value: object, fields: Iterable[str]) -> Mapping[str, Any]:
    """`value`, if it is an object with exactly these fields.

    Raises:
        ValueError: it is something else, lacks a field, or has a foreign one.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object: got {shown(value)}")
    wanted = tuple(fields)
    if missing := [field for field in wanted if field not in value]:
        raise ValueError(f"{name} must have {', '.join(missing)}: got none")
    if foreign := [field for field in value if field not in wanted]:
        raise ValueError(f"{name} must have no field but its own: got {shown(foreign[0])}")
    return value


def require_equal(name: str, value: object, expected: object) -> None:
    """Nothing, if both are the same, in type too.

    Raises:
        ValueError: they differ.
    """
    if type(value) is not type(expected) or value != expected:
        raise ValueError(f"{name} must be {shown(expected)}: got {shown(value)}")


def require_text(name: str, value: object, most: int = MAX_TEXT) -> None:
    """Nothing, if this is a short line of characters that show.

    Raises:
        ValueError: no text, empty, too long, with control characters, or a spreadsheet's command.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise ValueError(f"{name} must be a text of 1 to {most} characters: got {shown(value)}")
    if not value.isprintable():
        raise ValueError(f"{name} must have no control characters: got {shown(value)}")
    if value.startswith(RUN_BY_SPREADSHEETS):
        signs = " ".join(RUN_BY_SPREADSHEETS)
        raise ValueError(f"{name} must not begin with one of {signs} : got {shown(value)}")


def require_number(name: str, value: object, least: float, most: float) -> None:
    """Nothing, if this is a number within these bounds.

    Raises:
        ValueError: it is another type (a bool counts as one), or outside the bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number: got {shown(value)}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least:g} and {most:g}: got {shown(value)}")


def text(name: str, value: object) -> str:
    """`value`, if it is a short line of characters that show.

    Raises:
        ValueError: as `require_text`.
    """
    require_text(name, value)
    return value


def require_list(name: str, value: object, of: str, lengths: Sequence[int]) -> list[Any]:
    """`value`, if it is a list of one of these lengths; `of` says what is in it.

    Raises:
        ValueError: it is something else, or of another length.
    """
    if not isinstance(value, list) or len(value) not in lengths:
        got = f"{len(value)} values" if isinstance(value, list) else shown(value)
        most = lengths[-1] if lengths[0] == lengths[-1] else f"{lengths[0]} to {lengths[-1]}"
        raise ValueError(f"{name} must be a list of {most} {of}: got {got}")
    return value


def require_warnings(warnings: object) -> None:
    """Nothing, if these are a few short lines.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(warnings, list) or len(warnings) > MAX_TEXTS:
        raise ValueError(
            f"warnings must be a list of at most {MAX_TEXTS} texts: got {shown(warnings)}"
        )
    for warning in warnings:
        require_text("warnings", warning)


def layer(config: object, *, grouped: bool = False) -> AttentionConfig:
    """The layer that a record's `config` describes in full; `grouped` ones alone, if so asked.

    Raises:
        ValueError: it is none, or a number of it is out of bounds or left out.
    """
    latent = not grouped and isinstance(config, dict) and "kv_lora_rank" in config
    kind = LatentConfig if latent else GroupedConfig
    names = [field.name for field in dataclasses.fields(kind)]
    given = require_fields("config", config, names)
    found = kind(**given)
    for name in names:
        require_equal(f"config.{name}", given[name], getattr(found, name))
    return found


def require_kernel_ran(asked: str, ran: object) -> None:
    """Nothing, if the kernel that ran is the one asked for, or any where none was named.

    Raises:
        ValueError: it is another, or none that exists.
    """
    if asked != "auto":
        require_equal("kernel_ran", ran, asked)
    else:
        require_a_kernel("kernel_ran", ran)


def require_a_kernel(name: str, value: object) -> None:
    """Nothing, if this names a kernel that can run: `auto` only stands for one.

    Raises:
        ValueError: it does not.
    """
    if value not in (names := [kernel for kernel in KERNEL_NAMES if kernel != "auto"]):
        raise ValueError(f"{name} must be one of {', '.join(names)}: got {shown(value)}")


def require_samples(samples: Mapping[str, object]) -> int:
    """How many samples each list has, if all are lists of seconds of the same length.

    Raises:
        ValueError: they are not, or hold none or too many.
    """
    for name, values in samples.items():
        if not isinstance(values, list) or not 1 <= len(values) <= MAX_SAMPLES:
            raise ValueError(
                f"samples_s.{name} must be a list of 1 to {MAX_SAMPLES} seconds: "
                f"got {f'{len(values)} values' if isinstance(values, list) else shown(values)}"
            )
        for value in values:
            require_number(f"samples_s.{name}", value, MIN_S, MAX_S)
    lengths = {name: len(values) for name, values in samples.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"samples_s must have lists of equal length: got {counts}")
    return next(iter(lengths.values()))


def require_device(value: object) -> None:
    """Nothing, if this describes a device as `measure.device.describe` does.

    Raises:
        ValueError: it does not.
    """
    device = require_fields("device", value, ("type", "name", "n_threads"))
    require_text("device.type", device["type"], 20)
    require_text("device.name", device["name"])
    validate_int("device.n_threads", device["n_threads"], MAX_THREADS)


def require_memory(
    value: object,
    formula_bytes: int,
    device_type: str,
    *,
    tensor_bytes: int | None = None,
    padded: bool = False,
) -> None:
    """Nothing, if these are the bytes of one measurement whose cache the formula knows.

    `tensor_bytes` are those of its tensors where they hold more than the formula's; `padded` memory
    also tells the bytes that its layout adds to the formula's slots.

    Raises:
        ValueError: they are not.
    """
    names = "formula_bytes tensor_bytes allocator_peak_bytes process_peak_bytes baseline_bytes"
    fields = [*names.split(), *["padding_bytes"] * padded]
    memory = require_fields("memory", value, fields)
    require_equal("memory.formula_bytes", memory["formula_bytes"], formula_bytes)
    held = formula_bytes if tensor_bytes is None else tensor_bytes
    require_equal("memory.tensor_bytes", memory["tensor_bytes"], held)
    counted = dict(memory)
    if device_type == "cpu":
        require_equal("memory.allocator_peak_bytes", counted.pop("allocator_peak_bytes"), None)
    for name, n_bytes in counted.items():
        validate_int(f"memory.{name}", n_bytes, MAX_BYTES, least=0)
