"""Import of a config.json, as a file or as pasted text, for this session only.

The text is untrusted: it is parsed as data, and whatever it contains is shown as plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.settings.layouts import models_by_variant, slider_settings
from dashboard.settings.presets import HEADS, Preset, preset_of_model
from dashboard.settings.variants import variants
from dashboard.shell import panels
from gqa_core.configs import ModelConfig
from gqa_core.hf_config.parse import MAX_BYTES, ParsedConfig, parse_config

IMPORTED, REFUSED = "imported_config", "imported_config_refused"
FILE, TEXT, POPOVER = "config_file", "config_text", "config_popover"
MAX_MIB = MAX_BYTES // 2**20
MAX_NAME = 60
NAME = "Imported config"
NOT_IN_LINK = "An imported config is not in the link: import it there as well."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedConfig:
    """A parsed config and the name that the model box offers it under."""

    name: str
    config: ParsedConfig


def imported() -> ImportedConfig | None:
    """The imported config of this session, if there is one."""
    return st.session_state.get(IMPORTED)


def preset() -> Preset | None:
    """The imported config as an option of the model box, if there is one."""
    config = imported()
    return _preset(config) if config else None


def show_config_import(set_sliders: Callable[[Preset], None]) -> None:
    """Upload or paste a config; a valid one sets the sliders, an invalid one is explained."""
    popover = st.popover(
        "Import config.json", icon=":material/upload_file:", key=POPOVER, on_change="rerun"
    )
    if not popover.open:
        return
    with popover:
        st.caption(
            "A model's config.json from Hugging Face. It is read as data, stays in this session, "
            "and is sent nowhere."
        )
        st.file_uploader(
            f"File, at most {MAX_MIB} MiB",
            type=["json"],
            max_upload_size=MAX_MIB,
            key=FILE,
            on_change=_import_file,
            args=(set_sliders,),
        )
        st.text_area("Or its text", max_chars=MAX_BYTES, key=TEXT, height=120)
        st.button("Import text", key="config_button", on_click=_import_text, args=(set_sliders,))
        if refused := st.session_state.get(REFUSED):
            st.error(panels.escape_markdown(refused))


def _import_file(set_sliders: Callable[[Preset], None]) -> None:
    uploaded = st.session_state.get(FILE)
    if uploaded is not None:
        name = "".join(letter for letter in uploaded.name if letter.isprintable())[:MAX_NAME]
        _import(uploaded.getvalue(), f"Imported: {name}", set_sliders)


def _import_text(set_sliders: Callable[[Preset], None]) -> None:
    text = st.session_state.get(TEXT) or ""
    if text.strip():
        _import(text, NAME, set_sliders)
    else:
        st.session_state[REFUSED] = "config must be one JSON object: got no text."


def _import(data: bytes | str, name: str, set_sliders: Callable[[Preset], None]) -> None:
    """Import a config, or store the sentence that explains the error and keep the previous one."""
    try:
        config = ImportedConfig(name=name, config=parse_config(data))
        _require_all_variants(config.config.model)
    except ValueError as error:
        st.session_state[REFUSED] = f"{error}."
        return
    st.session_state.pop(REFUSED, None)
    st.session_state[IMPORTED] = config
    set_sliders(_preset(config))


def _preset(config: ImportedConfig) -> Preset:
    parsed = config.config
    return preset_of_model(
        config.name,
        parsed.model,
        parsed.estimated_params,
        parsed.estimated_weight_bytes,
        parsed.weight_format,
    )


def _require_all_variants(config: ModelConfig) -> None:
    """Raise ValueError unless every page can show this model beside the other variants.

    Raises:
        ValueError: a variant would be out of bounds, such as MLA for very wide heads.
    """
    sliders = slider_settings(config)
    try:
        variants(**{key: sliders[key] for key in HEADS})
        models_by_variant(config, **sliders)
    except ValueError as error:
        raise ValueError(f"config can be read, but not shown beside MLA: {error}") from None
