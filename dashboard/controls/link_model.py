"""An imported model in a link: written into it, read from it, and named where it is missing.

The address of the page carries the model too, so that a reload keeps it. What cannot be carried is
said on both sides: beside the link, and on the page that the link opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import streamlit as st

from dashboard.controls import config_import
from dashboard.controls.config_import import ImportedConfig
from dashboard.shell.links import MAX_QUOTED, add_link_error, link
from dashboard.shell.state import remember
from gqa_core.configs import MAX_LAYERS, default_mla_for, validate_int
from gqa_core.model_files.layout_text import SharedLayout, layout_text, parse_layout_text

KEY = "imported_model"
READ = "imported_model_is_read"
MAX_LINK = 2000  # characters that mail and chat programs leave whole
WEIGHTS, HEAD_DIM, N_LAYERS = "weights_gb", "head_dim", "n_layers"
NUMBERS = "numbers_of_a_missing_model"  # that no slider offers, by its key
MISSING = "a missing model"
CARRIED = "It carries the imported model: its layers and its weights."


def read_from_link(model_name: str) -> str | None:
    """Import the model of a new link; None if that went well, or there was nothing to import.

    Else a sentence is noted, and the name to show is returned, "" if the link names another model.

    Args:
        model_name: what the link calls its model, imported or not.
    """
    if READ in st.session_state:
        return None
    st.session_state[READ] = True
    reason = _import_from_link()
    config = config_import.imported()
    is_import = model_name.startswith((config_import.NAME, config_import.PREFIX, MISSING))
    if reason is None and (not is_import or (config and config.name == model_name)):
        return None
    is_named = is_import and model_name != MISSING
    named = repr(model_name[:MAX_QUOTED]) if is_named else "an imported model"
    because = reason or "it carries none"
    shown = _without_model(st.query_params)
    add_link_error(KEY, f"{named} is not in the link ({because}): shown are {shown}")
    if not is_import:
        return ""
    _clear_weights()
    st.session_state[NUMBERS] = _numbers_of_link()
    return MISSING


def missing_model_number(key: str) -> int | None:
    """The number that a link gives a slider for a model that it lacks."""
    numbers: Mapping[str, int] = st.session_state.get(NUMBERS, {})
    return numbers.get(key)


def with_model(settings: Mapping[str, Any], config: ImportedConfig) -> tuple[dict[str, Any], str]:
    """Settings of a link that carries the model, and a sentence; without it, the reason."""
    text, reason = _text(config.layout, config.config.model.family)
    carrying = {**settings, KEY: text}
    n_characters = len(link(st.context.url or "", carrying))
    if not reason and n_characters > MAX_LINK:
        reason = f"a link must have at most {MAX_LINK} characters: got {n_characters}"
    if reason:
        opened = _without_model(settings)
        return dict(settings), f"It does not carry the model ({reason}): it opens {opened}."
    return carrying, CARRIED


def update_address(config: ImportedConfig | None) -> None:
    """Make the page's address carry the chosen import, or none."""
    text = _text(config.layout, config.config.model.family)[0] if config else ""
    if st.query_params.get(KEY, "") == text:
        return
    if text:
        st.query_params[KEY] = text
    else:
        del st.query_params[KEY]


def _import_from_link() -> str | None:
    """Import the model that the link carries, if any; the reason if it cannot be read."""
    texts = st.query_params.get_all(KEY)
    if not texts:
        return None
    try:
        if len(texts) > 1:
            raise ValueError(f"a link must carry one model: got {len(texts)}")
        config_import.import_layout(parse_layout_text(texts[0]))
    except ValueError as error:
        del st.query_params[KEY]
        return str(error)
    return None


def _without_model(settings: Mapping[str, Any]) -> str:
    """A phrase for what a link with these settings opens without its model."""
    weights = "these weights" if settings.get(WEIGHTS) else "no weights"
    return f"the sliders' numbers alone, with all layers alike and {weights}"


def _clear_weights() -> None:
    """Leave the weights empty unless the link sets them: those of the default are another's."""
    if WEIGHTS not in st.query_params:
        st.session_state[WEIGHTS] = remember(WEIGHTS, None)


def _numbers_of_link() -> dict[str, int]:
    """The link's own head width and layers, if every variant can have them."""
    numbers = {}
    for key, validate in {HEAD_DIM: _validate_head_dim, N_LAYERS: _validate_n_layers}.items():
        try:
            number = int(st.query_params.get(key, ""))
            validate(number)
        except ValueError:
            continue  # the slider says what is wrong with it
        numbers[key] = number
    return numbers


def _validate_head_dim(head_dim: int) -> None:
    default_mla_for(1, head_dim)


def _validate_n_layers(n_layers: int) -> None:
    validate_int(N_LAYERS, n_layers, MAX_LAYERS)


@lru_cache(maxsize=64)
def _text(layout: SharedLayout, family: str) -> tuple[str, str]:
    """The text of a model for a link, or the reason that it has none.

    Models that differ in their family alone are equal, so it is an argument of its own.
    """
    try:
        return layout_text(layout), ""
    except ValueError as error:
        return "", str(error)
