"""Typed numbers as data: widgets like those of `dashboard.shell.widgets`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import streamlit as st

from dashboard.shell import address
from dashboard.shell.folded_box import is_left_out
from dashboard.shell.links import validate_query_param
from dashboard.shell.state import remember

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberInput(Generic[Number]):
    """A typed number between two bounds; whole if the default is."""

    key: str
    label: str
    minimum: Number
    maximum: Number
    default: Number
    help: str | None = None

    def show(self) -> Number:
        """Draw the input and return its number."""
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        rule = f"{kind} from {self.minimum:g} to {self.maximum:g}"
        validate_query_param(self.key, rule, self._is_valid, self.default)
        if is_left_out(self.key, self.default):
            return remember(self.key, self.default)
        value = st.number_input(
            self.label,
            min_value=self.minimum,
            max_value=self.maximum,
            value=self.default,
            step=type(self.default)(1),
            key=self.key,
            help=self.help,
            bind="query-params",
        )
        return remember(self.key, value)

    def _is_valid(self, values: list[str]) -> bool:
        return _is_number(values, type(self.default), self.minimum, self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionalNumberInput:
    """A typed number between two bounds, or nothing, which `placeholder` explains.

    An empty value in a link leaves it empty; a missing one stands for the default.
    """

    key: str
    label: str
    minimum: float
    maximum: float
    default: float | None
    placeholder: str
    help: str | None = None

    def show(self) -> float | None:
        """Draw the input and return its number, None if it is empty."""
        rule = f"a number from {self.minimum:g} to {self.maximum:g}, or empty"
        validate_query_param(self.key, rule, self._is_valid, self.default)
        if address.decides(self.key):
            st.session_state[self.key] = self._number_in_address()
        if is_left_out(self.key, self.default):
            return remember(self.key, self.default)
        value = st.number_input(
            self.label,
            min_value=self.minimum,
            max_value=self.maximum,
            value=None,
            step=1.0,
            key=self.key,
            placeholder=self.placeholder,
            help=self.help,
        )
        address.write(self.key, value, self.default)
        return remember(self.key, value)

    def _number_in_address(self) -> float | None:
        values = st.query_params.get_all(self.key)
        if not values or not self._is_valid(values):
            return self.default
        return float(values[0]) if values[0] else None

    def _is_valid(self, values: list[str]) -> bool:
        return values == [""] or _is_number(values, float, self.minimum, self.maximum)


def _is_number(
    values: Sequence[str], kind: Callable[[str], float], minimum: float, maximum: float
) -> bool:
    """True if a link gives one number of this kind between the bounds."""
    try:
        (number,) = map(kind, values)
    except ValueError:
        return False
    return minimum <= number <= maximum
