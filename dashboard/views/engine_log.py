"""The start-up log of a real engine, pasted and held against the formula.

The log is untrusted text: its size is bounded, it is read as data, and nothing of it is kept.
"""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

from dashboard.controls.model import KV_FORMAT
from dashboard.controls.model_box import chosen_import
from dashboard.data.capacity import Plan
from dashboard.report.reconcile_tables import explanations, headline, reconcile_table
from dashboard.shell import panels
from dashboard.shell.untrusted import most_bytes, read_paste
from gqa_core import units
from gqa_core.engine_logs.lines import MAX_LOG_BYTES
from gqa_core.engine_logs.log import EngineLog
from gqa_core.engine_logs.read import read_engine_log
from gqa_core.engine_logs.reconcile import Reconciliation, reconcile

T = TypeVar("T")

TEXT, BUTTON = "engine_log_text", "engine_log_button"
LOG, REFUSED = "engine_log", "engine_log_refused"


def show_engine_log(plan: Plan) -> None:
    """Draw a place to paste a log, and what it says beside the formula for this model."""
    place = panels.folded("Hold it against an engine's start-up log", "engine_log_unfolded")
    if not place:
        return
    max_bytes = most_bytes("paste_bytes", MAX_LOG_BYTES)
    with place:
        st.caption(
            "The lines that vLLM, SGLang or llama.cpp print when they start: memory for the cache, "
            "tokens or blocks in it, parallel sizes. They are read as data, stay in this session, "
            f"and are sent nowhere. At most {units.capacity_tick(max_bytes)}."
        )
        st.text_area("Start-up lines", max_chars=max_bytes, key=TEXT, height=160)
        st.button("Reconcile", key=BUTTON, on_click=_read)
        if refused := st.session_state.get(REFUSED):
            st.error(panels.escape_markdown(refused))
        elif log := st.session_state.get(LOG):
            _show(plan, log)


def _read() -> None:
    """Read the pasted log, or store the sentence that refuses it."""
    st.session_state.pop(LOG, None)
    st.session_state.pop(REFUSED, None)
    try:
        st.session_state[LOG] = read_paste(st.session_state.get(TEXT) or "", read_engine_log)
    except ValueError as error:
        st.session_state[REFUSED] = f"{error}."


def _show(plan: Plan, log: EngineLog) -> None:
    try:
        result = _reconciled(plan, log)
    except ValueError as error:
        st.error(panels.escape_markdown(f"{error}."))
        return
    show = {"agrees": st.success, "explained": st.info, "not explained": st.warning}
    show[result.verdict](panels.escape_markdown(headline(log, result)))
    panels.show_evidence("formula", "measured elsewhere")
    st.caption(
        f"The formula is that of the model above as {plan.variant}; what the log does not print is "
        "taken from the settings above."
    )
    table = reconcile_table(result)
    if table.rows:
        panels.show_small_table(table)
        panels.show_downloads("reconcile", {"csv": table.csv})
    lines = (f"- {panels.escape_markdown(line)}" for line in explanations(log, result))
    st.markdown("\n".join(lines))


def _reconciled(plan: Plan, log: EngineLog) -> Reconciliation:
    """The log beside the formula, with the page's settings where the log prints none.

    Settings that stand as they opened are left open, so that others may explain the log.

    Raises:
        ValueError: the log has no figures, or its sizes are not for this model.
    """
    printed, shown = log.last_start.parallelism, plan.shown
    imported = chosen_import()
    return reconcile(
        log,
        shown.model,
        kv_format=log.last_start.kv_format or _unless(shown.kv_format, KV_FORMAT.default),
        tp=printed.tp or _unless(shown.n_gpus, 1),
        max_context_len=imported.config.max_context_len if imported else None,
    )


def _unless(value: T, default: T) -> T | None:
    return None if value == default else value
