"""Import of records from another machine, as a file or pasted text, line by line.

Results are shown as plain text only: an error may quote a line that somebody made up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.shell import panels
from dashboard.shell.page_log import log_sentence
from dashboard.shell.untrusted import most_bytes, read_paste, read_upload
from dashboard.shell.visible_log import visible_log
from gqa_core.limits.refusal import limit_error
from gqa_core.limits.settings import limits
from gqa_core.records.importing import ImportResult, import_text
from gqa_core.records.log.errors import RunLogError

FILE, TEXT, RESULTS = "import_file", "import_text", "import_results"
MAX_MIB = 1  # the server's maxUploadSize
MAX_BYTES = MAX_MIB * 2**20
MAX_SHOWN = 20
PLACES = {  # where imported records go, by what a visitor sees
    "shared": "They are added to this log",
    "session": "They stay in your session, which alone shows them,",
    "shipped": "They cannot be imported here, which shows shipped records only,",
}


def show_import() -> None:
    """Draw the upload, the text area, the button and the result of the import."""
    st.subheader("Records from another machine")
    st.caption(
        "JSON Lines as this page downloads them and as `python -m gqa_core` prints them "
        "(`bench`, `crossover`, `verify`, `generate`, `quality`). "
        f"{PLACES[limits().visible_records]} as **measured elsewhere**."
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
        st.text_area(
            "Or pasted lines", max_chars=most_bytes("paste_bytes", MAX_BYTES), key=TEXT, height=120
        )
    st.button("Import", key="import_button", icon=":material/upload:", on_click=_import)
    for source, result in st.session_state.get(RESULTS, {}).items():
        _show_result(source, result)


def _import() -> None:
    """Import the file and the text; a callback, so that the page shows the new records."""
    uploaded, pasted = st.session_state.get(FILE), st.session_state.get(TEXT) or ""
    sources = {}
    if uploaded is not None:
        data = uploaded.getvalue()
        sources["File"] = _imported(lambda: _import_lines(data, read_upload))
    if pasted.strip():
        sources["Text"] = _imported(lambda: _import_lines(pasted, read_paste))
    st.session_state[RESULTS] = sources
    if not sources:
        st.session_state[RESULTS] = {"Import": "choose a file or paste lines first"}


def _imported(read: Callable[[], ImportResult]) -> ImportResult | str:
    try:
        return read()
    except RunLogError as error:
        return log_sentence(error).removesuffix(".")
    except ValueError as error:
        return str(error)


def _import_lines(data: Any, read: Callable[..., ImportResult]) -> ImportResult:
    """Import into the log that this visitor sees."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"at most {MAX_MIB} MiB can be imported at once: got {len(data)} bytes")
    if limits().visible_records == "shipped":
        raise limit_error("visible_records")
    log = visible_log()
    if limits().visible_records == "session":
        n_lines = data.count("\n" if isinstance(data, str) else b"\n") + 1
        if (n_records := sum(log.counts().values()) + n_lines) > limits().session_records:
            raise limit_error("session_records", f"these would make {n_records:,}")
        return read(data, import_text, str(log.path))
    return read(data, import_text, None)


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
