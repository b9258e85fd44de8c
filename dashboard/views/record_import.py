"""Import of records from another machine, as a file or pasted text, line by line.

Results are shown as plain text only: an error may quote a line that somebody made up.
"""

from __future__ import annotations

import io

import streamlit as st

from dashboard.shell import panels
from gqa_core.records.importing import ImportResult, import_records
from gqa_core.records.run_log import RunLog, RunLogError

FILE, TEXT, RESULTS = "import_file", "import_text", "import_results"
MAX_MIB = 1  # the server's maxUploadSize
MAX_CHARACTERS = MAX_MIB * 2**20
MAX_SHOWN = 20


def show_import() -> None:
    """Draw the upload, the text area, the button and the result of the import."""
    st.subheader("Records from another machine")
    st.caption(
        "JSON Lines as this page downloads them and as `python -m gqa_core` prints them "
        "(`bench`, `verify`, `generate`, `quality`). "
        "They are added to this log as **measured elsewhere**."
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
    for source, result in st.session_state.get(RESULTS, {}).items():
        _show_result(source, result)


def _import() -> None:
    """Import the file and the text; a callback, so that the page shows the new records."""
    uploaded, pasted = st.session_state.get(FILE), st.session_state.get(TEXT) or ""
    sources = {}
    if uploaded is not None:
        sources["File"] = uploaded.getvalue()
    if pasted.strip():
        sources["Text"] = pasted.encode("utf-8", errors="replace")
    st.session_state[RESULTS] = {name: _import_lines(data) for name, data in sources.items()}
    if not sources:
        st.session_state[RESULTS] = {"Import": "choose a file or paste lines first"}


def _import_lines(data: bytes) -> ImportResult | str:
    if len(data) > MAX_CHARACTERS:
        return f"at most {MAX_MIB} MiB can be imported at once: got {len(data)} bytes"
    try:
        return import_records(io.BytesIO(data), RunLog())
    except (RunLogError, ValueError) as error:
        return str(error)


def _show_result(source: str, result: ImportResult | str) -> None:
    if isinstance(result, str):
        st.error(panels.escape_markdown(f"{source}: {result}."))
        return
    n_refused = len(result.refused)
    summary = f"{source}: {result.n_imported} imported, {n_refused} refused."
    if not n_refused:
        st.success(summary)
        return
    st.warning(f"{summary} The rest of the log is unchanged.")
    lines = list(result.refused[:MAX_SHOWN])
    if n_refused > MAX_SHOWN:
        lines.append(f"... and {n_refused - MAX_SHOWN} more")
    st.code("\n".join(lines), language=None, wrap_lines=True)
