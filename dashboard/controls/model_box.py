"""The box that names the model: choose one and the sliders follow, move one and it says so.

The session notes which model the sliders were set from. What the box shows follows from that and
from the sliders: the model's name, or "Custom, from" it, an option that exists only then. A link
says the same in its `model`; sliders it does not give stand where that model has them.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.controls import config_import as imported_config
from dashboard.settings.model import AttentionSettings, ModelSettings
from dashboard.settings.presets import Preset, offered
from dashboard.shell.links import remember_default, validate_query_param
from dashboard.shell.state import keep

KEY, FROM = "model", "model_the_sliders_are_from"
LINK = "model_in_the_link"  # noted once it is read, and once it says what the box says
CUSTOM, AGAIN = "Custom, from ", ", as it is"
WIDTH = 400  # pixels: a phone gives it a line of its own
FRESH = "Llama 3 8B"  # what the sliders of a fresh session say


def apply_link(*, measuring: bool) -> None:
    """Before the sliders: note the model of a new link, and set what the link leaves open."""
    remember_default(FROM, FRESH)
    by_name = _offered(measuring)
    validate_query_param(KEY, [*by_name, *(CUSTOM + name for name in by_name)], FRESH)
    if LINK in st.session_state:
        return
    st.session_state[LINK] = "read"
    chosen = by_name.get(_without_custom(st.query_params.get(KEY, "")))
    if chosen is None:
        return
    st.session_state[FROM] = chosen.name
    for key, value in chosen.settings.items():
        if key not in st.query_params:
            st.session_state[key] = value


def chosen_preset() -> Preset | None:
    """The preset that the sliders of a size were set from."""
    return _offered(measuring=False).get(st.session_state.get(FROM, FRESH))


def is_of_import() -> bool:
    """Whether the sliders were set from the imported config."""
    found = imported_config.imported()
    return found is not None and st.session_state.get(FROM) == found.name


def shown_name(settings: AttentionSettings) -> str:
    """What the box says of these sliders."""
    name = st.session_state.get(FROM, FRESH)
    preset = _offered(not isinstance(settings, ModelSettings)).get(name)
    return name if preset and preset.fits(settings) else CUSTOM + name


def show_model_box(settings: AttentionSettings) -> None:
    """The models to choose from; draw it after the sliders, in a container above them."""
    by_name = _offered(not isinstance(settings, ModelSettings))
    shown = shown_name(settings)
    way_back = _without_custom(shown) + AGAIN
    options = [*by_name, *([] if shown in by_name else [way_back, shown])]
    if st.session_state.get(KEY) != shown:
        st.session_state[KEY] = shown
    if st.session_state[LINK] == "read":
        st.session_state[LINK] = "corrected"
        if st.query_params.get(KEY, shown) != shown:  # while the box is not bound to it yet
            st.query_params[KEY] = shown
    said = st.selectbox(
        "Model",
        options,
        index=options.index(FRESH),
        key=KEY,
        width=WIDTH,
        bind="query-params",
        help="Type to search: the lecture's examples, then published models. Choosing one sets "
        "the sliders below"
        + (" to its heads." if not isinstance(settings, ModelSettings) else "."),
        on_change=_apply,
        args=(by_name,),
    )
    keep(KEY, said)
    if said != shown:  # a link, or the browser's way back: the address goes first
        st.session_state[FROM] = _without_custom(said)
        st.rerun()


def _offered(measuring: bool) -> Mapping[str, Preset]:
    return offered(measuring, imported_config.preset())


def _without_custom(name: str) -> str:
    return name.removeprefix(CUSTOM)


def _apply(by_name: Mapping[str, Preset]) -> None:
    """Set the sliders, unless it is the model they are from.

    A browser that moves two sliders at once still sends that name with the second, since it has
    yet to hear that the box says "Custom": no choice of the user's. Going back has its own option.
    """
    said = st.session_state[KEY]
    chosen = by_name.get(said.removesuffix(AGAIN)) if said else None
    if chosen is not None and said != st.session_state.get(FROM, FRESH):
        set_sliders(chosen)


def set_sliders(chosen: Preset) -> None:
    """Set the sliders from a model, in a callback."""
    st.session_state[FROM] = chosen.name
    for key, value in chosen.settings.items():
        st.session_state[key] = keep(key, value)
