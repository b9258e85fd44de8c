"""The box that names the model: choosing one sets the sliders, moving one makes it "Custom".

The session remembers which model the sliders were set from. The box shows that model's name or, if
a slider differs, "Custom, from" it, an option that exists only then. `model` in a link works the
same way: sliders that the link does not set take the model's values.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.controls import link_model
from dashboard.controls.imports import ImportedConfig, import_presets, imports
from dashboard.controls.kv_heads import forget_choice
from dashboard.controls.variant import stop_following
from dashboard.settings.model import AttentionSettings, ModelSettings
from dashboard.settings.presets import Preset, offered
from dashboard.shell.links import set_default, validate_query_param
from dashboard.shell.state import remember
from dashboard.shell.widgets import Select

KEY, SOURCE_MODEL = "model", "model_the_sliders_are_from"
COMPARED = link_model.COMPARED
LINK_STATE = "model_in_the_link"  # "read", then "corrected" once it says what the box says
CUSTOM_PREFIX, RESTORE_SUFFIX = "Custom, from ", ", as it is"
DEFAULT_MODEL = "Llama 3 8B"  # its numbers are the defaults of the sliders


def apply_link(*, measuring: bool) -> None:
    """Read the model of a new link, before the sliders, and set what the link leaves open."""
    set_default(SOURCE_MODEL, DEFAULT_MODEL)
    _read_import()
    by_name = _offered(measuring)
    names = {*by_name, *(CUSTOM_PREFIX + name for name in by_name)}
    validate_query_param(
        KEY,
        "one of its options",
        lambda values: len(values) == 1 and values[0] in names,
        DEFAULT_MODEL,
    )
    if LINK_STATE in st.session_state:
        return
    st.session_state[LINK_STATE] = "read"
    preset = by_name.get(_without_prefix(st.query_params.get(KEY, "")))
    if preset is None:
        return
    st.session_state[SOURCE_MODEL] = preset.name
    for key, value in preset.settings.items():
        if key not in st.query_params:
            st.session_state[key] = value


def _read_import() -> None:
    """Import the model that a new link carries; name the one that it should and does not."""
    name = _without_prefix(st.query_params.get(KEY, ""))
    missing = link_model.read_from_link(name)
    if missing:
        st.session_state[SOURCE_MODEL] = missing
        del st.query_params[KEY]
    if missing is not None:
        st.rerun()  # the page's top shows the sentence
    elif not name and LINK_STATE not in st.session_state:
        _name_import()


def _name_import() -> None:
    """Make a new link without a model name show the import that it carries, unless beside it."""
    compared = st.query_params.get_all(COMPARED)
    names = [name for name in imports() if name not in compared]
    if names and link_model.KEY in st.query_params:
        st.query_params[KEY] = names[0]


def chosen_preset() -> Preset | None:
    """The preset that the sliders of a computed model were set from."""
    return _offered(measuring=False).get(_source_model())


def chosen_import() -> ImportedConfig | None:
    """The imported config if the sliders were set from it."""
    return imports().get(_source_model())


def shown_name(settings: AttentionSettings) -> str:
    """The name that the box shows for these sliders."""
    name = _source_model()
    preset = _offered(_is_measuring(settings)).get(name)
    return name if preset and preset.fits(settings) else CUSTOM_PREFIX + name


def show_model_box(settings: AttentionSettings) -> None:
    """Draw the model box; call it after the sliders, in a container above them."""
    by_name = _offered(_is_measuring(settings))
    shown = shown_name(settings)
    _correct_link(shown)
    effect = "its heads" if _is_measuring(settings) else "its values"
    box = Select(
        key=KEY,
        label="Model",
        options=[*by_name, *_custom_options(shown, by_name)],
        default=DEFAULT_MODEL,
        help="Type to search: the lecture's examples, then published models. Choosing a model "
        f"sets the sliders below to {effect}.",
    )
    chosen = box.show(on_change=_apply, args=(by_name,))
    if chosen != shown:  # a link, or the browser's Back button: the URL takes precedence
        st.session_state[SOURCE_MODEL] = _without_prefix(chosen)
        st.rerun()


def _custom_options(shown: str, by_name: Mapping[str, Preset]) -> list[str]:
    """Options that exist only while the sliders are no model's: the way back, and their name."""
    if shown in by_name:
        return []
    name = _without_prefix(shown)
    return [*([name + RESTORE_SUFFIX] if name in by_name else []), shown]


def set_sliders(preset: Preset) -> None:
    """Set the sliders from a model; for use in a callback."""
    stop_following()
    forget_choice()
    st.session_state[SOURCE_MODEL] = preset.name
    for key, value in preset.settings.items():
        st.session_state[key] = remember(key, value)


def _correct_link(shown: str) -> None:
    """Make the box, and a link that has just been read, say what the sliders say."""
    if st.session_state.get(KEY) != shown:
        st.session_state[KEY] = shown
    if st.session_state[LINK_STATE] == "read":
        st.session_state[LINK_STATE] = "corrected"
        if st.query_params.get(KEY, shown) != shown:  # the box is not bound to it yet
            st.query_params[KEY] = shown


def _source_model() -> str:
    return st.session_state.get(SOURCE_MODEL, DEFAULT_MODEL)


def _is_measuring(settings: AttentionSettings) -> bool:
    return not isinstance(settings, ModelSettings)


def _offered(measuring: bool) -> Mapping[str, Preset]:
    return offered(measuring, import_presets())


def _without_prefix(name: str) -> str:
    return name.removeprefix(CUSTOM_PREFIX)


def _apply(by_name: Mapping[str, Preset]) -> None:
    """Set the sliders, unless they are already from this model.

    When two sliders change in quick succession, the browser re-sends the old model name with the
    second change; ignore it, since the user did not choose it. Going back has an option of its own.
    """
    name = st.session_state[KEY]
    preset = by_name.get(name.removesuffix(RESTORE_SUFFIX)) if name else None
    if preset is not None and name != _source_model():
        set_sliders(preset)
