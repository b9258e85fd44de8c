"""The keys of one config object, read by any of their spellings; what was read is remembered.

A key that is present with null counts as absent. Two spellings of one number must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gqa_core.strict_json import describe_value

TEXT_OBJECTS = ("text_config", "llm_config", "language_config", "thinker_config")


@dataclass(frozen=True, slots=True)
class Keys:
    """One object of a config; `path` is where it stands in the whole, and ends in a dot.

    `used` holds the paths of the keys that an answer rests on, `assumptions` what was taken for
    granted; both are shared with the objects inside this one.
    """

    values: Mapping[str, Any]
    path: str = ""
    used: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether the key is there and not null."""
        return self.values.get(name) is not None

    def value(self, name: str) -> Any:
        """The value of a key, or None; the key counts as used where there is one."""
        if self.has(name) and self.path + name not in self.used:
            self.used.append(self.path + name)
        return self.values.get(name)

    def integer(self, *spellings: str, most: int, least: int = 1) -> int | None:
        """The whole number that any of these keys gives; None where none does.

        Raises:
            ValueError: a value is no whole number, is out of bounds, or two spellings disagree.
        """
        found: dict[str, int] = {}
        for name in spellings:
            number = self.value(name)
            if number is None:
                continue
            where = self.path + name
            if isinstance(number, bool) or not isinstance(number, int):
                raise ValueError(f"{where} must be a whole number: got {describe_value(number)}")
            if not least <= number <= most:
                got = describe_value(number)
                raise ValueError(f"{where} must be between {least} and {most}: got {got}")
            found[where] = number
        if len(set(found.values())) > 1:
            names, numbers = " and ".join(found), " and ".join(map(str, found.values()))
            raise ValueError(f"{names} must agree: got {numbers}")
        return next(iter(found.values()), None)

    def required(self, *spellings: str, most: int) -> int:
        """As `integer`, where there must be one.

        Raises:
            ValueError: as `integer`, or none of the keys is there.
        """
        number = self.integer(*spellings, most=most)
        if number is None:
            raise ValueError(f"{self.path}{spellings[0]} must be given: got no such key")
        return number

    def flag(self, name: str) -> bool | None:
        """What a yes-or-no key says; None where it is absent.

        Raises:
            ValueError: it is neither true nor false.
        """
        said = self.value(name)
        if said is not None and not isinstance(said, bool):
            raise ValueError(f"{self.path}{name} must be true or false: got {describe_value(said)}")
        return said

    def text(self, name: str) -> str | None:
        """The string that a key holds; None where it is absent.

        Raises:
            ValueError: it is something else.
        """
        said = self.value(name)
        if said is not None and not isinstance(said, str):
            raise ValueError(f"{self.path}{name} must be text: got {describe_value(said)}")
        return said

    def items(self, name: str) -> list[Any] | None:
        """The list that a key holds; None where it is absent.

        Raises:
            ValueError: it is something else.
        """
        said = self.value(name)
        if said is not None and not isinstance(said, list):
            raise ValueError(f"{self.path}{name} must be a list: got {describe_value(said)}")
        return said

    def inside(self, name: str) -> Keys | None:
        """The object that a key holds; None where it is absent or empty.

        Raises:
            ValueError: it is something else.
        """
        held = self.values.get(name)
        if not held:
            return None
        if not isinstance(held, dict):
            raise ValueError(f"{self.path}{name} must be an object: got {describe_value(held)}")
        return Keys(held, f"{self.path}{name}.", self.used, self.assumptions)

    def assume(self, sentence: str) -> None:
        """Note, once, what is taken for granted."""
        if sentence not in self.assumptions:
            self.assumptions.append(sentence)


def text_model(config: Mapping[str, Any]) -> Keys:
    """The keys of the model that reads text: the config's own, or those of the object within."""
    keys = Keys(config)
    while inner := next(filter(None, map(keys.inside, TEXT_OBJECTS)), None):
        keys = inner
    return keys
