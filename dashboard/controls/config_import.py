"""A model's own config.json, by file or by pasted text: a model of this session alone.

The text is untrusted: it is read offline, by structure, and what came of it is shown as plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.settings.layouts import models_by_variant
from dashboard.settings.presets import HEADS, Preset, preset_of_model
from dashboard.settings.variants import variants
from dashboard.shell import panels
from gqa_core.hf_config.parse import MAX_BYTES, ParsedConfig, parse_config

IMPORTED, REFUSED = "imported_config", "imported_config_refused"
FILE, TEXT, POPOVER = "config_file", "config_text", "config_popover"
MAX_MIB = MAX_BYTES // 2**20
MAX_NAME = 60
NAME = "Imported config"
LEFT_OUT = "An imported config is not in the link: import it there too."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedConfig:
    """What was read, under the name it is offered by."""

    name: str
    config: ParsedConfig


def imported() -> ImportedConfig | None:
    """The config of this session, if one was taken."""
    return st.session_state.get(IMPORTED)


def preset() -> Preset | None:
    """The imported model among those that can be chosen."""
    found = imported()
    return _preset(found) if found else None


def show_config_import(set_sliders: Callable[[Preset], None]) -> None:
    """Upload or paste; a config that is taken sets the sliders, one that is not says why."""
    popover = st.popover(
        "Import config.json", icon=":material/upload_file:", key=POPOVER, on_change="rerun"
    )
    if not popover.open:
        return
    with popover:
        st.caption(
            "A model's config.json from Hugging Face. It is read as data, kept for this session "
            "alone, and passed on to nobody."
        )
        st.file_uploader(
            f"File, at most {MAX_MIB} MiB",
            type=["json"],
            max_upload_size=MAX_MIB,
            key=FILE,
            on_change=_take_file,
            args=(set_sliders,),
        )
        st.text_area("Or its text", max_chars=MAX_BYTES, key=TEXT, height=120)
        st.button("Import text", key="config_button", on_click=_take_text, args=(set_sliders,))
        if refused := st.session_state.get(REFUSED):
            st.error(panels.escape_markdown(refused))


def _take_file(set_sliders: Callable[[Preset], None]) -> None:
    uploaded = st.session_state.get(FILE)
    if uploaded is not None:
        name = "".join(letter for letter in uploaded.name if letter.isprintable())[:MAX_NAME]
        _take(uploaded.getvalue(), f"Imported: {name}", set_sliders)


def _take_text(set_sliders: Callable[[Preset], None]) -> None:
    text = st.session_state.get(TEXT) or ""
    if text.strip():
        _take(text, NAME, set_sliders)
    else:
        st.session_state[REFUSED] = "config must be one JSON object: got no text."


def _take(data: bytes | str, name: str, set_sliders: Callable[[Preset], None]) -> None:
    """Take a config in, or note the one sentence that says why not; the last one stays then."""
    try:
        taken = ImportedConfig(name=name, config=parse_config(data))
        _require_rows(_preset(taken))
    except ValueError as error:
        st.session_state[REFUSED] = f"{error}."
        return
    st.session_state.pop(REFUSED, None)
    st.session_state[IMPORTED] = taken
    set_sliders(_preset(taken))


def _preset(taken: ImportedConfig) -> Preset:
    return preset_of_model(taken.name, taken.config.model, taken.config.estimated_params)


def _require_rows(preset: Preset) -> None:
    """Nothing, if every page can show this model beside the other variants.

    Raises:
        ValueError: a variant of it would be out of bounds: heads so wide that no MLA fits beside.
    """
    heads = {key: preset.settings[key] for key in HEADS}
    try:
        variants(**heads)
        models_by_variant(preset.model, **heads, n_layers=preset.settings["n_layers"])
    except ValueError as error:
        raise ValueError(f"config can be read, but not shown beside MLA: {error}") from None
