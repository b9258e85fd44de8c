"""Option types and the options that several subcommands share.

Values are checked while the command line is parsed, with the sentences of `gqa_core.configs`: a
field in the words of the API, the rule, and the value ("n_heads must be a whole number: got 'x'").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, TypeVar, cast

import click

from gqa_core.configs import (
    MAX_BATCH_SIZE,
    MAX_CONTEXT_LEN,
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_RANK,
    validate_int,
)
from gqa_core.records.device_names import DEFAULT_DEVICE, DEVICE_SYNTAX, validate_device_name
from gqa_core.theory.formats import DTYPE_FORMATS, FORMATS, key_value_formats

__all__ = [
    "DeviceName",
    "FileName",
    "KeyValueFormat",
    "Name",
    "NameList",
    "RunOptions",
    "WholeNumber",
    "WholeNumbers",
    "batch_size_option",
    "context_lens_option",
    "device_option",
    "dtype_option",
    "flag",
    "flags",
    "int_option",
    "json_option",
    "kv_format_option",
    "latent_options",
    "log_option",
    "options_object",
    "run_options",
]

LATENT_FIELDS = {  # of a LatentConfig, as in DeepSeek's code: greatest value and help
    "kv_lora_rank": (MAX_RANK, "MLA: width of the cached latent."),
    "qk_rope_head_dim": (MAX_HEAD_DIM, "MLA: width of the RoPE key that all heads share."),
    "qk_nope_head_dim": (MAX_HEAD_DIM, "MLA: width of the query and key without RoPE, per head."),
    "v_head_dim": (MAX_HEAD_DIM, "MLA: width of the value, per head."),
}

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Options = TypeVar("Options")


class WholeNumber(click.IntRange):
    """A whole number within bounds."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The number, or ValueError."""
        return self.parsed(_field(param), str(value))

    def parsed(self, name: str, text: str) -> int:
        """The number that a text holds.

        Raises:
            ValueError: it holds none, or one out of bounds; `name` is named.
        """
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"{name} must be a whole number: got {text[:40]!r}") from None
        validate_int(name, number, cast(int, self.max), cast(int, self.min))
        return number


class WholeNumbers(WholeNumber):
    """Whole numbers within the same bounds, separated by commas."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The numbers as a tuple, or ValueError."""
        return tuple(self.parsed(_field(param), part) for part in str(value).split(","))


class Name(click.Choice[str]):
    """One of several names."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The name, or ValueError."""
        return self.validated(_field(param), str(value))

    def validated(self, name: str, text: str) -> str:
        """The text itself.

        Raises:
            ValueError: it is none of the choices.
        """
        if text not in self.choices:
            raise ValueError(f"{name} must be one of {', '.join(self.choices)}: got {text[:40]!r}")
        return text


class NameList(Name):
    """Some of several names, separated by commas."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The names as a tuple, or ValueError."""
        return tuple(self.validated(_field(param), part) for part in str(value).split(","))


class KeyValueFormat(Name):
    """The name of a number format of the cache, or those of K and V, separated by a comma."""

    def validated(self, name: str, text: str) -> str:
        """The text itself.

        Raises:
            ValueError: a name is none of the choices, or there are more than two.
        """
        key_value_formats(text)
        return text


class FileName(click.ParamType):
    """The name of a file, which is not empty."""

    name = "file"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The name, or ValueError."""
        if not value:
            raise ValueError(f"{_field(param)} must be the name of a file: got an empty one")
        return str(value)


class DeviceName(click.ParamType):
    """The name of a device, whether this machine has it or not."""

    name = "device"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The name, or ValueError."""
        return validate_device_name(str(value))


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The device of a run, and the places where its records and progress go.

    `out` is a file name or - for stdout; `log` None stands for the default run log. `events` asks
    for JSON events on stderr in place of text.

    Raises:
        ValueError: both `log` and `no_log` are given.
    """

    device: str
    out: str
    log: str | None
    no_log: bool
    events: bool

    def __post_init__(self) -> None:
        if self.no_log and self.log is not None:
            raise ValueError("--no-log and --log exclude each other: got both")


def flag(field: str) -> str:
    """The flag of a field, as a user types it."""
    return "--" + field.replace("_", "-")


def flags(names: Iterable[str]) -> str:
    """The flags of these fields."""
    return " ".join(map(flag, names))


def options_object(name: str, kind: type[Options], options: Sequence[Decorator]) -> Decorator:
    """Add options and pass their values as one `kind` object, in the argument `name`.

    `kind` is a dataclass whose fields are those of the options.
    """
    names = [field.name for field in fields(cast(Any, kind))]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def with_object(**values: Any) -> Any:
            values[name] = kind(**{field: values.pop(field) for field in names})
            return function(**values)

        return _with_options(with_object, options)

    return decorate


def int_option(field: str, most: int, *, least: int = 1, **kwargs: Any) -> Decorator:
    """An option of one whole number from `least` to `most`."""
    return click.option(flag(field), type=WholeNumber(least, most), metavar="N", **kwargs)


def ints_option(field: str, most: int, *, least: int = 1, **kwargs: Any) -> Decorator:
    """An option of one or more whole numbers from `least` to `most`, separated by commas."""
    return click.option(flag(field), type=WholeNumbers(least, most), metavar="N[,N...]", **kwargs)


def context_lens_option(field: str = "context_len", **kwargs: Any) -> Decorator:
    """An option of one or more numbers of cached tokens."""
    return ints_option(field, MAX_CONTEXT_LEN, **kwargs)


def n_kv_heads_option(**kwargs: Any) -> Decorator:
    """An option of one or more numbers of K/V heads."""
    return ints_option("n_kv_heads", MAX_HEADS, **kwargs)


def latent_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a LatentConfig."""
    options = [int_option(field, most, help=text) for field, (most, text) in LATENT_FIELDS.items()]
    return _with_options(function, options)


batch_size_option = int_option(
    "batch_size", MAX_BATCH_SIZE, default=1, help="Sequences in the batch."
)
device_option = click.option(
    "--device",
    type=DeviceName(),
    metavar=DEVICE_SYNTAX,
    default=DEFAULT_DEVICE,
    show_default=True,
    help="Where to measure; auto takes a GPU if torch can use one. ROCm's GPUs are cuda too.",
)
dtype_option = click.option(
    "--dtype", type=Name(DTYPE_FORMATS), default="float32", help="Format of weights and cache."
)
kv_format_option = click.option(
    "--kv-format",
    type=KeyValueFormat(FORMATS),
    metavar="NAME[,NAME]",
    help=f"Number format of the cache, or those of K and V: {', '.join(FORMATS)}. A config that "
    "asks for fp8 gets it.  [default: bf16]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
log_option = click.option(
    "--log",
    type=FileName(),
    metavar="FILE|URL",
    help="The run log: a file, or a database such as postgresql+psycopg://user@host/name.  "
    "[default: $GQA_RUN_LOG, or a file in your user-data folder]",
)
run_options = options_object(
    "run_options",
    RunOptions,
    [
        device_option,
        click.option(
            "--out",
            type=FileName(),
            default="-",
            metavar="FILE",
            help="Where to append the records, one JSON object per line; - is stdout.",
        ),
        log_option,
        click.option("--no-log", is_flag=True, help="Do not add the records to the run log."),
        click.option(
            "--events", is_flag=True, help="Write progress to stderr as JSON, one event per line."
        ),
    ],
)


def _with_options(function: Callable[..., Any], options: Sequence[Decorator]) -> Callable[..., Any]:
    """The function with these options, which `--help` lists in this order."""
    for option in reversed(options):
        function = option(function)
    return function


def _field(param: click.Parameter | None) -> str:
    """The name of a parameter in the words of the API."""
    return (param and param.name) or "value"
