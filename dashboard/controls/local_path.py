"""A model's description by a path on this machine, where the server is the user's own.

A path is offered only if the server listens on this machine alone and the environment allows it:
whoever reaches the page could otherwise ask which files the server has.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from gqa_core.hf_config.parse import ParsedConfig
from gqa_core.model_files.read import read_folder, read_model_file

KEY = "config_path"
ENVIRONMENT = "GQA_LOCAL_FILES"  # set to 1 to offer a path
LOCAL_ADDRESSES = ("localhost", "127.0.0.1", "::1")


def is_offered() -> bool:
    """True if the server may read the user's files by path."""
    is_local = st.get_option("server.address") in LOCAL_ADDRESSES
    return is_local and os.environ.get(ENVIRONMENT) == "1"


def show_path_input(import_path: Callable[[str], None]) -> None:
    """Draw the input if a path is offered; a path typed is handed to `import_path`."""
    if not is_offered():
        return
    st.text_input(
        "Or its path on this machine",
        key=KEY,
        help="A GGUF file of any size, a config.json, or a folder that has one. Of a GGUF file "
        "only the header is read.",
        on_change=_import_typed,
        args=(import_path,),
    )


def _import_typed(import_path: Callable[[str], None]) -> None:
    typed = (st.session_state.get(KEY) or "").strip()
    if typed:
        import_path(typed)


def last_name(path: str) -> str:
    """The last part of a path."""
    return Path(path).name


def read_path(path: str) -> ParsedConfig:
    """The model of the file or folder at this path.

    Raises:
        ValueError: paths are not offered, there is no such file, or it describes no model.
    """
    if not is_offered():
        raise ValueError(f"a path must be allowed by {ENVIRONMENT}: got one without")
    try:
        place = Path(path).expanduser()
        if place.is_dir():
            return read_folder(place)
        if not place.is_file():
            raise ValueError(f"path must be a file or folder: got none of this name, {path[:80]!r}")
        with place.open("rb") as file:
            return read_model_file(file, place.stat().st_size)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"path must be readable: got {type(error).__name__}") from None
