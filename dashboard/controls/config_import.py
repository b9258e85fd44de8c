"""Import of a model's description, as a file, as pasted text or by path, for this session only.

Read are a config.json, the header of a GGUF file, and what `ollama show` prints. All of it is
untrusted: it is parsed as data, and whatever it contains is shown as plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.controls import local_path
from dashboard.settings.layouts import models_by_variant, slider_settings
from dashboard.settings.presets import HEADS, Preset, preset_of_model
from dashboard.settings.variants import variants
from dashboard.shell import panels
from dashboard.shell.state import remember
from gqa_core.configs import ModelConfig
from gqa_core.hf_config.parse import MAX_BYTES, ParsedConfig
from gqa_core.model_files.layout_text import SharedLayout
from gqa_core.model_files.read import MAX_UPLOAD_BYTES, read_model

IMPORTED, REFUSED = "imported_config", "imported_config_refused"
FILE, TEXT, POPOVER = "config_file", "config_text", "config_popover"
FILE_TYPES = ("json", "gguf", "txt", "head")
MAX_MIB = MAX_UPLOAD_BYTES // 2**20
MAX_NAME = 60
NAME, PREFIX = "Imported config", "Imported: "  # of pasted text, and before a file's name
KV_FORMAT = "kv_format"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedConfig:
    """A parsed config and the name that the model box offers it under.

    One that came with a link has no lists of keys, but the numbers of sentences left out.
    """

    name: str
    config: ParsedConfig
    is_from_link: bool = False
    n_assumptions: int = 0
    n_not_counted: int = 0

    @property
    def layout(self) -> SharedLayout:
        """The part of it that a link carries."""
        return SharedLayout(
            name="" if self.name == NAME else self.name.removeprefix(PREFIX),
            config=self.config,
            n_assumptions=self.n_assumptions + len(self.config.assumptions),
            n_not_counted=self.n_not_counted + len(self.config.not_counted),
        )


def import_layout(layout: SharedLayout) -> None:
    """Make a model that came with a link the session's import.

    Raises:
        ValueError: it cannot be shown beside the other variants.
    """
    require_all_variants(layout.config.model)
    st.session_state[IMPORTED] = ImportedConfig(
        name=f"{PREFIX}{layout.name}" if layout.name else NAME,
        config=layout.config,
        is_from_link=True,
        n_assumptions=layout.n_assumptions,
        n_not_counted=layout.n_not_counted,
    )


def imported() -> ImportedConfig | None:
    """The imported config of this session, if there is one."""
    return st.session_state.get(IMPORTED)


def preset() -> Preset | None:
    """The imported config as an option of the model box, if there is one."""
    config = imported()
    return _preset(config) if config else None


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
        _import(lambda: read_model(text), NAME, set_sliders)
    else:
        st.session_state[REFUSED] = "config must be one JSON object: got no text."


def _import_path(path: str, set_sliders: Callable[[Preset], None]) -> None:
    name = f"{PREFIX}{_printable(local_path.last_name(path))}"
    _import(lambda: local_path.read_path(path), name, set_sliders)


def _printable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:MAX_NAME]


def _import(
    read: Callable[[], ParsedConfig], name: str, set_sliders: Callable[[Preset], None]
) -> None:
    """Import a model, or store the sentence that explains the error and keep the previous one."""
    try:
        config = ImportedConfig(name=name, config=read())
        require_all_variants(config.config.model)
    except ValueError as error:
        st.session_state[REFUSED] = f"{error}."
        return
    st.session_state.pop(REFUSED, None)
    st.session_state[IMPORTED] = config
    set_sliders(_preset(config))
    if hint := config.config.kv_format_hint:  # not a setting of the model: any format stays its own
        st.session_state[KV_FORMAT] = remember(KV_FORMAT, hint)


def _preset(config: ImportedConfig) -> Preset:
    parsed = config.config
    return preset_of_model(
        config.name,
        parsed.model,
        parsed.estimated_params,
        parsed.estimated_weight_bytes,
        parsed.weight_format,
        parsed.embedding_params,
    )


def require_all_variants(config: ModelConfig) -> None:
    """Raise ValueError unless every page can show this model beside the other variants.

    Raises:
        ValueError: a variant would be out of bounds, such as MLA for very wide heads.
    """
    sliders = slider_settings(config)
    if HEADS[0] not in sliders:  # states alone are the same beside any variant
        return
    try:
        variants(**{key: sliders[key] for key in HEADS})
        models_by_variant(config, **sliders)
    except ValueError as error:
        raise ValueError(f"config can be read, but not shown beside MLA: {error}") from None
