"""Records from another machine, by file or by pasted text: taken or refused line by line.

What came is shown as plain text only: a sentence may quote a line that somebody made up.
"""

from __future__ import annotations

import io
from typing import Any

import streamlit as st

from dashboard.shell import panels
from gqa_core.records.importable import KINDS
from gqa_core.records.importing import Imported, import_records
from gqa_core.records.run_log import RunLog

FILE, TEXT, SAID = "import_file", "import_text", "import_said"
MAX_MIB = 1  # the server's maxUploadSize
MAX_CHARACTERS = MAX_MIB * 2**20
MOST_SHOWN = 20


def show_import() -> None:
    """Upload or paste, Import, and what became of it."""
    st.subheader("Records from another machine")
    st.caption(
        "JSON Lines as this page saves them, and as `python -m gqa_core` prints them when it "
        "measures (`bench`, `check`, `why`, `quality`). "
        "They are kept in this log as **measured elsewhere**."
    )
    left, right = st.columns(2)
    with left:
        st.file_uploader(
            f"File, at most {MAX_MIB} MiB",
            type=["jsonl", "json"],
            max_upload_size=MAX_MIB,
            key=FILE,
        )
    with right:
        st.text_area("Or pasted lines", max_chars=MAX_CHARACTERS, key=TEXT, height=120)
    st.button("Import", key="import_button", icon=":material/upload:", on_click=_import)
    for source, said in st.session_state.get(SAID, {}).items():
        _show_said(source, said)


def _import() -> None:
    """Take in what is there; a callback, so that the page is drawn with the new records."""
    uploaded, pasted = st.session_state.get(FILE), st.session_state.get(TEXT) or ""
    sources = {}
    if uploaded is not None:
        sources["File"] = uploaded.getvalue()
    if pasted.strip():
        sources["Text"] = pasted.encode("utf-8", errors="replace")
    st.session_state[SAID] = {name: _taken(data) for name, data in sources.items()}
    if not sources:
        st.session_state[SAID] = {"Import": "nothing came: choose a file or paste lines first"}


def _taken(data: bytes) -> Imported | str:
    if len(data) > MAX_CHARACTERS:
        return f"at most {MAX_MIB} MiB can be taken at once: got {len(data)} bytes"
    try:
        return import_records(io.BytesIO(data), RunLog(), KINDS)
    except ValueError as error:
        return str(error)


def _show_said(source: str, said: Any) -> None:
    if isinstance(said, str):
        st.error(panels.escape_markdown(f"{source}: {said}."))
        return
    n_refused = len(said.refused)
    says = f"{source}: {said.n_taken} taken, {n_refused} refused."
    if not n_refused:
        st.success(says)
        return
    st.warning(f"{says} The rest of the log is as it was.")
    lines = list(said.refused[:MOST_SHOWN])
    if n_refused > MOST_SHOWN:
        lines.append(f"... and {n_refused - MOST_SHOWN} more")
    st.code("\n".join(lines), language=None, wrap_lines=True)
