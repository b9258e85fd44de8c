"""The one sentence by which a limit refuses: its value, what came, and how to lift it at home."""

from __future__ import annotations

from pydantic import ByteSize

from gqa_core import units
from gqa_core.limits.settings import Limits, limits, variable

__all__ = ["LimitError", "limit_error", "value_text"]


class LimitError(ValueError):
    """A limit refuses what a visitor asks for; `name` is the limit."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


def limit_error(name: str, got: str = "") -> LimitError:
    """The refusal of the limit of this name; `got` is a clause about what came.

    The sentence has no full stop, as those of other errors.
    """
    extra = Limits.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    value = getattr(limits(), name)
    rule = str(extra["rule"]).format(value=value_text(value))
    setting = f"{variable(name)}=1" if isinstance(value, bool) else variable(name)
    came = f": {got}" if got else ""
    return LimitError(name, f"{rule}{came}; on your own machine, {setting} lifts this limit")


def value_text(value: object) -> str:
    """A limit's value for people: bytes in their unit, whole numbers with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, ByteSize):
        is_decimal = value % 10**6 == 0
        return units.decimal_tick(value) if is_decimal else units.capacity_tick(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
