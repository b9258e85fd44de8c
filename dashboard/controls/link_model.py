"""An imported model in a link: written into it, read from it, and named where it is missing.

The address of the page carries the model too, so that a reload keeps it. What cannot be carried is
said on both sides: beside the link, and on the page that the link opens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import streamlit as st

from dashboard.controls.imports import ImportedConfig, add_layout, imports, is_import_name
from dashboard.data.model_comparison import MAX_MODELS
from dashboard.shell.links import MAX_QUOTED, add_link_error, link
from dashboard.shell.state import remember
from gqa_core.configs import MAX_LAYERS, default_mla_for, validate_int
from gqa_core.model_files.layout_text import SharedLayout, layout_text, parse_layout_text

KEY, COMPARED = "imported_model", "compare"
READ = "imported_model_is_read"
MAX_LINK = 2000  # characters that mail and chat programs leave whole
WEIGHTS, HEAD_DIM, N_LAYERS = "weights_gb", "head_dim", "n_layers"
NUMBERS = "numbers_of_a_missing_model"  # that no slider offers, by its key
MISSING = "a missing model"
CARRIED = "It carries the imported model: its layers and its weights."


def read_from_link(model_name: str) -> str | None:
    """Import the models of a new link; None if that went well, or there was nothing to import.

    Else a sentence is noted, and the name to show is returned, "" if the link's model is here.

    Args:
        model_name: what the link calls its model, imported or not.
    """
    if READ in st.session_state:
        return None
    st.session_state[READ] = True
    reason = _import_from_link()
    if _is_missing(model_name):
        _note_missing_model(model_name, reason or "it carries none")
        return MISSING
    missing = [name for name in st.query_params.get_all(COMPARED) if _is_missing(name)]
    if reason is None and not missing:
        return None
    names = " and ".join(repr(name[:MAX_QUOTED]) for name in missing) or "an imported model"
    add_link_error(KEY, f"{names} is not in the link ({reason or 'it does not carry it'})")
    _stop_comparing(missing)
    return ""


def missing_model_number(key: str) -> int | None:
    """The number that a link gives a slider for a model that it lacks."""
    numbers: Mapping[str, int] = st.session_state.get(NUMBERS, {})
    return numbers.get(key)


def with_models(
    settings: Mapping[str, Any], configs: Sequence[ImportedConfig]
) -> tuple[dict[str, Any], str]:
    """Settings of a link that carries these models, and a sentence; without them, the reason."""
    if not configs:
        return dict(settings), ""
    texts, reasons = zip(*(_text(c.layout, c.config.model.family) for c in configs), strict=True)
    carrying = {**settings, KEY: [*texts]}
    n_characters = len(link(st.context.url or "", carrying))
    reason = next(filter(None, reasons), "")
    if not reason and n_characters > MAX_LINK:
        reason = f"a link must have at most {MAX_LINK} characters: got {n_characters}"
    if reason:
        opened = _without_model(settings)
        return dict(settings), f"It does not carry the model ({reason}): it opens {opened}."
    return carrying, CARRIED if len(texts) == 1 else f"It carries {len(texts)} imported models."


def update_address(configs: Sequence[ImportedConfig]) -> None:
    """Make the page's address carry these imports, or none."""
    texts = [text for c in configs if (text := _text(c.layout, c.config.model.family)[0])]
    if st.query_params.get_all(KEY) == texts:
        return
    if texts:
        st.query_params[KEY] = texts
    else:
        del st.query_params[KEY]


def _import_from_link() -> str | None:
    """Import the models that the link carries; the reason if one of them cannot be read."""
    texts = st.query_params.get_all(KEY)
    if len(texts) > MAX_MODELS:
        del st.query_params[KEY]
        return f"a link must carry at most {MAX_MODELS} models: got {len(texts)}"
    reason = None
    for text in texts:
        try:
            add_layout(parse_layout_text(text))
        except ValueError as error:
            reason = str(error)
    if reason:
        del st.query_params[KEY]
    return reason


def _is_missing(name: str) -> bool:
    """True if a name is of an imported model that is not here."""
    return (is_import_name(name) or name == MISSING) and name not in imports()


def _note_missing_model(name: str, reason: str) -> None:
    """Note that the link lacks its model, and take what it has: numbers, and weights if any."""
    named = "an imported model" if name == MISSING else repr(name[:MAX_QUOTED])
    shown = _without_model(st.query_params)
    add_link_error(KEY, f"{named} is not in the link ({reason}): shown are {shown}")
    _clear_weights()
    st.session_state[NUMBERS] = _numbers_of_link()
    _stop_comparing([n for n in st.query_params.get_all(COMPARED) if _is_missing(n)])


def _stop_comparing(names: Sequence[str]) -> None:
    """Take these names from the models that the link compares."""
    rest = [name for name in st.query_params.get_all(COMPARED) if name not in names]
    if names:
        st.query_params[COMPARED] = rest


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
