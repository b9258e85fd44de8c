"""Builds a typed object from parsed JSON; a fault is one sentence: the field, the rule, what came.

msgspec does the work. Only where it refuses does this module walk type and value side by side, to
find the first field at fault: msgspec names the place, but not the value that stood there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from gqa_core.records.validation import quoted

__all__ = ["convert", "validate_complete"]

T = TypeVar("T")
SCALARS = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "a text",
}


def convert(value: object, type_: type[T], name: str) -> T:
    """The typed object that a parsed JSON value describes; errors call it `name`.

    Raises:
        ValueError: a field is missing, unknown or of another type, or the object refuses it.
    """
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        _raise_fault(value, type_, name)
        raise ValueError(f"{name}: {error}") from None


def validate_complete(value: object, expected: object, name: str) -> None:
    """Raise ValueError unless a parsed JSON value already is what its object is written as.

    An object fills in what is left out, such as a head_dim that follows from others; a record has
    to state it. A whole number may stand where a float is expected.
    """
    if isinstance(expected, Mapping):
        given = value if isinstance(value, Mapping) else {}
        _validate_fields(given, tuple(expected), name)
        for field, inner in expected.items():
            validate_complete(given[field], inner, _join(name, field))
    elif isinstance(expected, list | tuple):
        if value == [*expected]:  # at once, for long lists of numbers
            return
        for element, inner in zip(_as_list(value), expected, strict=True):
            validate_complete(element, inner, name)
    elif value != expected:
        raise ValueError(f"{name} must be {quoted(expected)}: got {quoted(value)}")


def _raise_fault(value: object, type_: Any, name: str) -> None:
    """Raise ValueError about the first field at fault; return if there is none."""
    if get_origin(type_) in (Union, UnionType):
        return _raise_in_union(value, get_args(type_), name)
    if get_origin(type_) is Literal:
        options = get_args(type_)
        if not any(type(value) is type(option) and value == option for option in options):
            rule = ", ".join(map(str, options))
            _refuse(name, rule if len(options) == 1 else f"one of {rule}", value)
    elif get_origin(type_) is tuple:
        for element in _as_list(value, name):
            _raise_fault(element, get_args(type_)[0], name)
    elif names := _field_names(type_):
        _raise_in_object(value, type_, names, name)
    elif type_ in SCALARS and not _is_scalar(value, type_):
        _refuse(name, SCALARS[type_], value)


def _raise_in_union(value: object, options: Sequence[Any], name: str) -> None:
    """Raise ValueError for X | None, and for names listed by several Literals."""
    if value is None and NoneType in options:
        return None
    literals = [text for option in options for text in get_args(option) if type(text) is str]
    if literals:
        return _raise_fault(value, Literal[tuple(literals)], name)
    (inner,) = (option for option in options if option is not NoneType)
    if type_name := SCALARS.get(inner):
        if not _is_scalar(value, inner):
            _refuse(name, f"{type_name} or null", value)
    else:
        _raise_fault(value, inner, name)


def _raise_in_object(value: object, type_: Any, names: Sequence[str], name: str) -> None:
    if not isinstance(value, dict):
        _refuse(name, "an object", value)
    names = [field for field in names if field in value or field not in _left_out_fields(type_)]
    tag = getattr(getattr(type_, "__struct_config__", None), "tag_field", None)
    _validate_fields(value, names if tag is None else (*names, tag), name)
    hints = get_type_hints(type_)
    for field in names:
        _raise_fault(value[field], hints[field], _join(name, field))
    type_(**{field: msgspec.convert(value[field], hints[field]) for field in names})


def _left_out_fields(type_: Any) -> tuple[str, ...]:
    """The fields that are no part of the JSON while they have their default."""
    config = getattr(type_, "__struct_config__", None)
    n_defaults = len(type_.__struct_defaults__) if config and config.omit_defaults else 0
    return type_.__struct_fields__[-n_defaults:] if n_defaults else ()


def _validate_fields(value: Mapping[str, object], names: Sequence[str], name: str) -> None:
    """Raise ValueError unless the object has exactly the fields of these names."""
    if missing := [field for field in names if field not in value]:
        raise ValueError(f"{name} must have {', '.join(missing)}: got none")
    if foreign := [field for field in value if field not in names]:
        raise ValueError(f"{name} must have no field but its own: got {quoted(foreign[0])}")


def _field_names(type_: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(type_):
        return tuple(field.name for field in dataclasses.fields(type_))
    return getattr(type_, "__struct_fields__", ())


def _is_scalar(value: object, type_: type) -> bool:
    if type_ is float:
        return type(value) in (int, float)
    return type(value) is type_


def _as_list(value: object, name: str = "value") -> Sequence[object]:
    if not isinstance(value, list | tuple):
        _refuse(name, "a list", value)
    return value


def _join(name: str, field: str) -> str:
    return field if name == "record" else f"{name}.{field}"


def _refuse(name: str, rule: str, value: object) -> NoReturn:
    raise ValueError(f"{name} must be {rule}: got {quoted(value)}")
