"""Widgets as data: a frozen description, and one call that draws it.

`show` checks the link's value, binds the widget to the URL under its key, remembers the value for
other pages and registers the default with Reset. In a closed box it leaves out a widget that would
show its default. Options are plain numbers and names, so that a
link reads `context_len=8192`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from dashboard.shell.folded_box import is_left_out
from dashboard.shell.links import set_default, validate_query_param
from dashboard.shell.state import clamp_to_options, remember

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider(Generic[T]):
    """A slider over given options, numbers or names.

    `reset_value` is what Reset sets if the default depends on another widget.
    """

    key: str
    label: str
    options: Sequence[T]
    default: T
    help: str | None = None
    reset_value: T | None = None

    def show(self) -> T:
        """Draw the slider and return its value."""
        _validate_option(self.key, self.options, self.default)
        if self.reset_value is not None:
            set_default(self.key, self.reset_value)
        if isinstance(self.default, str):
            _replace_stale_value(self.key, self.options, self.default)
        else:
            clamp_to_options(self.key, self.options)
        if is_left_out(self.key, self.default):
            return remember(self.key, self.default)
        value = st.select_slider(
            self.label,
            self.options,
            value=self.default,
            key=self.key,
            help=self.help,
            bind="query-params",
        )
        return remember(self.key, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Generic[T]):
    """A select box; a value that is no longer among the options becomes the default."""

    key: str
    label: str
    options: Sequence[T]
    default: T
    help: str | None = None
    width: int | None = None

    def show(
        self, on_change: Callable[..., None] | None = None, args: tuple[Any, ...] | None = None
    ) -> T:
        """Draw the select box and return its value."""
        _validate_option(self.key, self.options, self.default)
        _replace_stale_value(self.key, self.options, self.default)
        if is_left_out(self.key, self.default):
            return remember(self.key, self.default)
        value = st.selectbox(
            self.label,
            self.options,
            index=self.options.index(self.default),
            key=self.key,
            help=self.help,
            width=self.width or "stretch",
            on_change=on_change,
            args=args,
            bind="query-params",
        )
        return remember(self.key, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented(Generic[T]):
    """A row of buttons, one of which is always chosen; a screen reader reads a hidden label.

    One whose default moves is not bound to the address, but written there by its caller.
    """

    key: str
    label: str
    options: Sequence[T]
    default: T
    help: str | None = None
    has_label: bool = True
    is_bound: bool = True

    def show(self, on_change: Callable[[], None] | None = None) -> T:
        """Draw the buttons and return the chosen option."""
        _validate_option(self.key, self.options, self.default)
        _replace_stale_value(self.key, self.options, self.default)
        if is_left_out(self.key, self.default):
            return remember(self.key, self.default)
        value = st.segmented_control(
            self.label,
            self.options,
            default=self.default,
            key=self.key,
            required=True,
            help=self.help,
            label_visibility="visible" if self.has_label else "collapsed",
            on_change=on_change,
            bind="query-params" if self.is_bound else None,
        )
        # None: the visitor went back to a URL with an empty value
        return remember(self.key, self.default if value is None else value)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiSelect(Generic[T]):
    """Any number of options, up to `max_selections`; an empty value in a link chooses none."""

    key: str
    label: str
    options: Sequence[T]
    default: Sequence[T] = ()
    help: str | None = None
    max_selections: int | None = None
    placeholder: str | None = None

    def show(self) -> list[T]:
        """Draw the select box and return the chosen options."""
        texts = {*map(str, self.options)}
        most = self.max_selections or len(texts)
        validate_query_param(
            self.key,
            "one of its options" if most == len(texts) else f"at most {most} of its options",
            lambda values: values == [""] or (texts.issuperset(values) and len(values) <= most),
            list(self.default),
        )
        if self.key in st.session_state:
            chosen = [value for value in st.session_state[self.key] if value in self.options]
            st.session_state[self.key] = chosen
        if is_left_out(self.key, list(self.default)):
            return remember(self.key, list(self.default))
        value = st.multiselect(
            self.label,
            self.options,
            default=list(self.default),
            key=self.key,
            max_selections=self.max_selections,
            help=self.help,
            placeholder=self.placeholder,
            select_all=False,  # Enter would choose every match of the typed text
            bind="query-params",
        )
        return remember(self.key, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toggle:
    """A switch, off by default."""

    key: str
    label: str
    help: str | None = None

    def show(self) -> bool:
        """Draw the switch and return whether it is on."""
        _validate_option(self.key, ("true", "false"), False)
        if is_left_out(self.key, False):
            return remember(self.key, False)
        value = st.toggle(self.label, key=self.key, help=self.help, bind="query-params")
        return remember(self.key, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextInput:
    """One line of text, of 1 to `max_chars` characters in a link."""

    key: str
    label: str
    default: str
    max_chars: int
    help: str | None = None

    def show(self) -> str:
        """Draw the input and return its text."""
        validate_query_param(
            self.key,
            f"a text of 1 to {self.max_chars} characters",
            lambda values: len(values) == 1 and 1 <= len(values[0]) <= self.max_chars,
            self.default,
        )
        if is_left_out(self.key, self.default):
            return remember(self.key, self.default)
        value = st.text_input(
            self.label,
            self.default,
            max_chars=self.max_chars,
            key=self.key,
            help=self.help,
            bind="query-params",
        )
        return remember(self.key, value)


def _validate_option(key: str, options: Sequence[Any], default: Any) -> None:
    """Report the link's value of a parameter unless it is exactly one of the options."""
    validate_query_param(
        key,
        "one of its options",
        lambda values: len(values) == 1 and values[0] in map(str, options),
        default,
    )


def _replace_stale_value(key: str, options: Sequence[Any], default: Any) -> None:
    if st.session_state.get(key, default) not in options:
        st.session_state[key] = default
