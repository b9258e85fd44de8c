"""The limits as a table: names, both defaults, what is set now, and what each means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ByteSize
from pydantic.fields import FieldInfo

from gqa_core.limits.refusal import value_text
from gqa_core.limits.settings import Limits, variable

__all__ = ["LimitRow", "limit_rows", "markdown"]

HEADER = ("Variable", "At home", "Hosted", "Now", "Meaning")


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit: its variable, its default at home and where GQA_HOSTED=1, now, and its meaning."""

    variable: str
    local: str
    hosted: str
    current: str
    meaning: str


def limit_rows(current: Limits) -> list[LimitRow]:
    """One row per limit, in the order of the class."""
    return [
        LimitRow(
            variable=variable(name),
            local=_text(field, field.default),
            hosted=_text(field, _hosted_default(field)),
            current=value_text(getattr(current, name)),
            meaning=field.description or "",
        )
        for name, field in Limits.model_fields.items()
    ]


def markdown(rows: list[LimitRow]) -> str:
    """The rows as a table of Markdown."""
    lines = [HEADER, ("---",) * len(HEADER)]
    lines += [
        (f"`{row.variable}`", row.local, row.hosted, row.current, row.meaning) for row in rows
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _hosted_default(field: FieldInfo) -> object:
    extra = field.json_schema_extra
    return extra["hosted"] if isinstance(extra, dict) else True


def _text(field: FieldInfo, value: Any) -> str:
    return value_text(ByteSize(value) if field.annotation is ByteSize else value)
