"""Import of a model's description, as a file, as pasted text or by path, for this session.

Read are a config.json, the header of a GGUF file, and what `ollama show` prints. All of it is
untrusted: it is parsed as data, and whatever it contains is shown as plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard.controls import local_path
from dashboard.controls.imports import PREFIX, ImportedConfig, add_import, name_of_text
from dashboard.controls.link_model import COMPARED
from dashboard.data.model_comparison import MAX_MODELS
from dashboard.settings.presets import Preset
from dashboard.shell import panels
from dashboard.shell.state import remember
from gqa_core.hf_config.parse import MAX_BYTES, ParsedConfig
from gqa_core.model_files.read import MAX_UPLOAD_BYTES, read_model

REFUSED, N_UPLOADS = "imported_config_refused", "n_config_uploads"
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
            "It is read as data and sent nowhere. Its layers and the size of its weights stand in "
            "the page's address, so that a link carries them."
        )
        _show_uploader(set_sliders)
        st.caption(
            "Of a larger GGUF file the first megabytes are enough: "
            f"`head -c {MAX_MIB}M model.gguf > model.head`"
        )
        st.text_area("Or its text", max_chars=MAX_BYTES, key=TEXT, height=120)
        st.button("Import text", key="config_button", on_click=_import_text, args=(set_sliders,))
        local_path.show_path_input(lambda path: _import_path(path, set_sliders))
        if refused := st.session_state.get(REFUSED):
            st.error(panels.escape_markdown(refused))


def _show_uploader(set_sliders: Callable[[Preset], None]) -> None:
    st.file_uploader(
        f"Files, at most {MAX_MIB} MiB each; of several, the others are compared",
        type=FILE_TYPES,
        accept_multiple_files=True,
        max_upload_size=MAX_MIB,
        key=_file_key(),
        on_change=_import_files,
        args=(set_sliders,),
    )


def _file_key() -> str:
    """The uploader's key, which changes with every import, so that no file stays in memory."""
    n_uploads = st.session_state.get(N_UPLOADS, 0)
    return f"{FILE}_{n_uploads}" if n_uploads else FILE


def _import_files(set_sliders: Callable[[Preset], None]) -> None:
    """Import the files: the first sets the sliders, the others are compared with it."""
    uploads = st.session_state.get(_file_key()) or []
    names = [f"{PREFIX}{_printable(upload.name)}" for upload in uploads]
    for upload, name in reversed([*zip(uploads, names, strict=True)]):
        data = upload.getvalue()
        if not _import(partial(read_model, data), name, set_sliders):
            if names[1:]:
                st.session_state[REFUSED] = f"{name}: {st.session_state[REFUSED]}"
            return
    if more := [name for name in dict.fromkeys(names) if name != names[0]]:
        st.session_state[COMPARED] = remember(COMPARED, more[: MAX_MODELS - 1])
    st.session_state[N_UPLOADS] = st.session_state.get(N_UPLOADS, 0) + 1


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
) -> bool:
    """Import a model; or store the sentence that explains the error, and return False."""
    try:
        parsed = read()
        config = ImportedConfig(name=name or name_of_text(parsed), config=parsed)
        add_import(config)
    except ValueError as error:
        st.session_state[REFUSED] = f"{error}."
        return False
    st.session_state.pop(REFUSED, None)
    set_sliders(config.preset)
    if hint := parsed.kv_format_hint:  # not a setting of the model: any format stays its own
        st.session_state[KV_FORMAT] = remember(KV_FORMAT, hint)
    return True
