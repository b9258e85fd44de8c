"""Import of a model's description, as a file, as pasted text or by path, for this session.

Read are a config.json, the header of a GGUF file, and what `ollama show` prints. All of it is
untrusted: it is parsed as data, and whatever it contains is shown as plain text.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.controls import local_path
from dashboard.controls.imports import PREFIX, ImportedConfig, add_import, name_of_text
from dashboard.settings.presets import Preset
from dashboard.shell import panels
from dashboard.shell.state import remember
from gqa_core.hf_config.parse import MAX_BYTES, ParsedConfig
from gqa_core.model_files.read import MAX_UPLOAD_BYTES, read_model

REFUSED = "imported_config_refused"
FILE, TEXT, POPOVER = "config_file", "config_text", "config_popover"
FILE_TYPES = ("json", "gguf", "txt", "head")
MAX_MIB = MAX_UPLOAD_BYTES // 2**20
MAX_NAME = 60
KV_FORMAT = "kv_format"


def show_config_import(set_sliders: Callable[[Preset], None]) -> None:
    """Upload or paste a description; a valid one sets the sliders, an invalid one is explained."""
    popover = st.popover(
        "Import a model", icon=":material/upload_file:", key=POPOVER, on_change="rerun"
    )
    if not popover.open:
        return
    with popover:
        st.caption(
            "A model's config.json from Hugging Face, a GGUF file, or what `ollama show` prints. "
            "It is read as data, stays in this session, and is sent nowhere."
        )
        st.file_uploader(
            f"File, at most {MAX_MIB} MiB",
            type=FILE_TYPES,
            max_upload_size=MAX_MIB,
            key=FILE,
            on_change=_import_file,
            args=(set_sliders,),
        )
        st.caption(
            "Of a larger GGUF file the first megabytes are enough: "
            f"`head -c {MAX_MIB}M model.gguf > model.head`"
        )
        st.text_area("Or its text", max_chars=MAX_BYTES, key=TEXT, height=120)
        st.button("Import text", key="config_button", on_click=_import_text, args=(set_sliders,))
        local_path.show_path_input(lambda path: _import_path(path, set_sliders))
        if refused := st.session_state.get(REFUSED):
            st.error(panels.escape_markdown(refused))


def _import_file(set_sliders: Callable[[Preset], None]) -> None:
    uploaded = st.session_state.get(FILE)
    if uploaded is not None:
        name = f"{PREFIX}{_printable(uploaded.name)}"
        _import(lambda: read_model(uploaded.getvalue()), name, set_sliders)


def _import_text(set_sliders: Callable[[Preset], None]) -> None:
    text = st.session_state.get(TEXT) or ""
    if text.strip():
        _import(lambda: read_model(text), None, set_sliders)
    else:
        st.session_state[REFUSED] = "config must be one JSON object: got no text."


def _import_path(path: str, set_sliders: Callable[[Preset], None]) -> None:
    name = f"{PREFIX}{_printable(local_path.last_name(path))}"
    _import(lambda: local_path.read_path(path), name, set_sliders)


def _printable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:MAX_NAME]


def _import(
    read: Callable[[], ParsedConfig], name: str | None, set_sliders: Callable[[Preset], None]
) -> None:
    """Import a model, or store the sentence that explains the error and change nothing."""
    try:
        parsed = read()
        config = ImportedConfig(name=name or name_of_text(parsed), config=parsed)
        add_import(config)
    except ValueError as error:
        st.session_state[REFUSED] = f"{error}."
        return
    st.session_state.pop(REFUSED, None)
    set_sliders(config.preset)
    if hint := parsed.kv_format_hint:  # not a setting of the model: any format stays its own
        st.session_state[KV_FORMAT] = remember(KV_FORMAT, hint)
