"""Import of a model's description, as a file, as pasted text or by path, for this session.

Read are a config.json, the header of a GGUF file, and what `ollama show` prints. All of it is
untrusted: it is parsed as data, and whatever it contains is shown as plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.controls import local_path
from dashboard.controls.imports import (
    MAX_IMPORTS,
    PREFIX,
    ImportedConfig,
    add_import,
    name_of_file,
    name_of_text,
    require_all_variants,
)
from dashboard.controls.link_model import COMPARED
from dashboard.data.model_comparison import MAX_MODELS
from dashboard.report.import_sentences import left_out_sentence, refused_sentence
from dashboard.settings.presets import Preset
from dashboard.shell import panels
from dashboard.shell.state import remember
from dashboard.shell.untrusted import most_bytes, read_paste, read_upload
from gqa_core.hf_config.parse import MAX_BYTES, ParsedConfig
from gqa_core.model_files.read import MAX_UPLOAD_BYTES, read_model
from gqa_core.names import clean_name

REFUSED, N_UPLOADS = "imported_config_refused", "n_config_uploads"
LEFT_OUT = "imported_configs_left_out"
FILE, TEXT, POPOVER = "config_file", "config_text", "config_popover"
FILE_TYPES = ("json", "gguf", "txt", "head")
MAX_NAME = 55  # of a file; a link takes 60 letters, which leaves room for a number
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
            f"`head -c {_max_mib()}M model.gguf > model.head`"
        )
        st.text_area(
            "Or its text", max_chars=most_bytes("paste_bytes", MAX_BYTES), key=TEXT, height=120
        )
        st.button("Import text", key="config_button", on_click=_import_text, args=(set_sliders,))
        local_path.show_path_input(lambda path: _import_path(path, set_sliders))
        if refused := st.session_state.get(REFUSED):
            st.error(panels.escape_markdown(refused))
        if left_out := st.session_state.get(LEFT_OUT):
            st.info(left_out)


def _max_mib() -> int:
    """The most MiB that an uploaded file may have."""
    return max(most_bytes("upload_bytes", MAX_UPLOAD_BYTES) // 2**20, 1)


def _show_uploader(set_sliders: Callable[[Preset], None]) -> None:
    st.file_uploader(
        f"Files, at most {_max_mib()} MiB each; of several, the others are compared",
        type=FILE_TYPES,
        accept_multiple_files=True,
        max_upload_size=_max_mib(),
        key=_file_key(),
        on_change=_import_files,
        args=(set_sliders,),
    )


def _file_key() -> str:
    """The uploader's key, which changes with every import, so that no file stays in memory."""
    n_uploads = st.session_state.get(N_UPLOADS, 0)
    return f"{FILE}_{n_uploads}" if n_uploads else FILE


def _import_files(set_sliders: Callable[[Preset], None]) -> None:
    """Import the files: the first that can be read sets the sliders, the others are compared."""
    uploads = st.session_state.get(_file_key()) or []
    configs, refused = _read_files(uploads)
    read = [config.name.removeprefix(PREFIX) for config in configs]
    st.session_state[REFUSED] = refused_sentence(refused, read)
    st.session_state[LEFT_OUT] = left_out_sentence(len(configs), MAX_MODELS, MAX_IMPORTS)
    for config in reversed(configs[:MAX_IMPORTS]):  # the first becomes the newest
        add_import(config)
    if configs:
        _show_import(configs[0], set_sliders)
        st.session_state[N_UPLOADS] = st.session_state.get(N_UPLOADS, 0) + 1
    if more := [config.name for config in configs[1:MAX_MODELS]]:
        st.session_state[COMPARED] = remember(COMPARED, more)


def _read_files(
    uploads: Sequence[UploadedFile],
) -> tuple[list[ImportedConfig], list[tuple[str, str]]]:
    """The models of the files that can be read, and the name of each other with its reason."""
    configs: list[ImportedConfig] = []
    refused = []
    for upload in uploads:
        file = _file_name(upload.name)
        try:
            parsed = read_upload(upload.getvalue(), read_model)
            require_all_variants(parsed.model)
        except ValueError as error:
            refused.append((file, str(error)))
            continue
        name = name_of_file(file, parsed, [config.name for config in configs])
        configs.append(ImportedConfig(name=name, config=parsed))
    return configs, refused


def _import_text(set_sliders: Callable[[Preset], None]) -> None:
    text = st.session_state.get(TEXT) or ""
    if text.strip():
        _import(lambda: read_paste(text, read_model), "", set_sliders)
    else:
        st.session_state[REFUSED] = "config must be one JSON object: got no text."


def _import_path(path: str, set_sliders: Callable[[Preset], None]) -> None:
    file = _file_name(local_path.last_name(path))
    _import(lambda: local_path.read_path(path), file, set_sliders)


def _file_name(name: str) -> str:
    return clean_name(name, MAX_NAME) or "file"


def _import(
    read: Callable[[], ParsedConfig], file: str, set_sliders: Callable[[Preset], None]
) -> None:
    """Import the model of a file, or of a text if it has no name; or store why it cannot be."""
    st.session_state.pop(LEFT_OUT, None)
    try:
        parsed = read()
        name = name_of_file(file, parsed) if file else name_of_text(parsed)
        config = ImportedConfig(name=name, config=parsed)
        add_import(config)
    except ValueError as error:
        reason = str(error)
        st.session_state[REFUSED] = refused_sentence([(file, reason)], []) if file else f"{reason}."
        return
    st.session_state.pop(REFUSED, None)
    _show_import(config, set_sliders)


def _show_import(config: ImportedConfig, set_sliders: Callable[[Preset], None]) -> None:
    """Set the sliders from a model, and the cache format that its file asks for."""
    set_sliders(config.preset)
    if hint := config.config.kv_format_hint:  # not a setting of the model: any stays its own
        st.session_state[KV_FORMAT] = remember(KV_FORMAT, hint)
