"""Typed access to the keys of a config, which remembers the keys it was asked for.

Families spell the same number differently; any spelling does, and spellings that are both present
must agree. A key whose value is null counts as absent, as in Hugging Face's own code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gqa_core.hf_config.class_defaults import class_defaults
from gqa_core.strict_json import describe_value

__all__ = ["TEXT_OBJECTS", "ConfigReader", "text_model"]

TEXT_SIZES = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads")
TEXT_OBJECTS = ("text_config", "llm_config", "language_config", "thinker_config")


@dataclass(frozen=True, slots=True)
class ConfigReader:
    """Reads one object of a config; `path` is its place in the whole config and ends in a dot.

    `used` collects the paths of the keys that were read, `assumptions` the sentences noted by
    `assume`; nested objects share both lists. `defaults` are the keys among `values` that the
    config leaves to the model's class.
    """

    values: Mapping[str, object]
    path: str = ""
    used: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    defaults: Mapping[str, int] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """True if the key is present and not null."""
        return self.values.get(name) is not None

    def value(self, name: str) -> object:
        """The value of a key, or None if absent; a present key is marked as used."""
        if name in self.defaults:
            self.assume(f"{name} = {self.defaults[name]}, the default of the model type's class")
        elif self.has(name) and self.path + name not in self.used:
            self.used.append(self.path + name)
        return self.values.get(name)

    def integer(self, *spellings: str, most: int, least: int = 1) -> int | None:
        """The integer under any of these keys, or None if all are absent.

        Raises:
            ValueError: a value is not a whole number or is out of bounds, or spellings disagree.
        """
        numbers: dict[str, int] = {}
        for name in spellings:
            number = self.value(name)
            if number is None:
                continue
            path = self.path + name
            if isinstance(number, bool) or not isinstance(number, int):
                raise ValueError(f"{path} must be a whole number: got {describe_value(number)}")
            if not least <= number <= most:
                got = describe_value(number)
                raise ValueError(f"{path} must be between {least} and {most}: got {got}")
            numbers[path] = number
        if len(set(numbers.values())) > 1:
            paths, got = " and ".join(numbers), " and ".join(map(str, numbers.values()))
            raise ValueError(f"{paths} must agree: got {got}")
        return next(iter(numbers.values()), None)

    def required_integer(self, *spellings: str, most: int) -> int:
        """The integer under any of these keys.

        Raises:
            ValueError: as `integer`, or all the keys are absent.
        """
        number = self.integer(*spellings, most=most)
        if number is None:
            raise ValueError(f"{self.path}{spellings[0]} must be given: got no such key")
        return number

    def flag(self, name: str) -> bool | None:
        """The boolean under a key, or None if absent.

        Raises:
            ValueError: the value is neither true nor false.
        """
        value = self.value(name)
        if value is not None and not isinstance(value, bool):
            raise ValueError(
                f"{self.path}{name} must be true or false: got {describe_value(value)}"
            )
        return value

    def text(self, name: str) -> str | None:
        """The string under a key, or None if absent.

        Raises:
            ValueError: the value is not a string.
        """
        value = self.value(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{self.path}{name} must be text: got {describe_value(value)}")
        return value

    def array(self, name: str) -> list[object] | None:
        """The list under a key, or None if absent.

        Raises:
            ValueError: the value is not a list.
        """
        value = self.value(name)
        if value is not None and not isinstance(value, list):
            raise ValueError(f"{self.path}{name} must be a list: got {describe_value(value)}")
        return value

    def nested(self, name: str) -> ConfigReader | None:
        """A reader of the object under a key, or None if absent or empty.

        Raises:
            ValueError: the value is not an object.
        """
        value = self.values.get(name)
        if not value:
            return None
        if not isinstance(value, dict):
            raise ValueError(f"{self.path}{name} must be an object: got {describe_value(value)}")
        return ConfigReader(value, f"{self.path}{name}.", self.used, self.assumptions)

    def overlaid(self, changes: Mapping[str, object]) -> ConfigReader:
        """A reader of the same object with other values under some keys."""
        defaults = {name: n for name, n in self.defaults.items() if name not in changes}
        values = {**self.values, **changes}
        return ConfigReader(values, self.path, self.used, self.assumptions, defaults)

    def assume(self, sentence: str) -> None:
        """Note an assumption; the same sentence is noted once."""
        if sentence not in self.assumptions:
            self.assumptions.append(sentence)


def text_model(top: ConfigReader) -> ConfigReader:
    """A reader of the text model: the innermost text object, or the config itself.

    A nested `text_config` may leave sizes to its class; they are filled in.

    Raises:
        ValueError: the config describes one text model twice, with different sizes.
    """
    reader = top
    while inner := next(filter(None, map(reader.nested, TEXT_OBJECTS)), None):
        reader = inner
    _require_one_model(top, reader)
    model_type = reader.values.get("model_type")
    if not reader.path.endswith("text_config.") or not isinstance(model_type, str):
        return reader
    defaults = class_defaults(model_type, reader.values)
    return ConfigReader(
        {**defaults, **reader.values}, reader.path, reader.used, reader.assumptions, defaults
    )


def _require_one_model(top: ConfigReader, text: ConfigReader) -> None:
    """Raise ValueError if a text model's own keys stand beside its object and all disagree.

    A library that reads a file of the text model alone as one of the whole model writes both: the
    sizes of the file, and an object of defaults.
    """
    types = [each.values.get("model_type") for each in (top, text)]
    names = [name for name in TEXT_SIZES if top.has(name)]
    is_one_family = all(isinstance(each, str) for each in types) and types[1] == f"{types[0]}_text"
    differ = [name for name in names if top.values[name] != text.values.get(name)]
    if is_one_family and len(names) > 1 and differ == names:
        raise ValueError(
            f"{names[0]} and {text.path}{names[0]} must agree: got "
            f"{describe_value(top.values[names[0]])} and "
            f"{describe_value(text.values.get(names[0]))}"
        )
