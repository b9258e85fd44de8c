"""Caches the run log knows for the sliders' settings, or a sentence about why there are none."""

from __future__ import annotations

import streamlit as st

from dashboard.data import decode_rows as tables
from dashboard.report.decode_tables import cache_table
from dashboard.settings.model import ModelSettings
from dashboard.shell import loaders, panels
from dashboard.views.device import device_or_notice
from gqa_core.records.run_log import RunLogError

MAX_NAMED = 3


def logged_caches(settings: ModelSettings) -> list[tables.Row]:
    """The measured caches of these settings on this device; where none, says what is measured."""
    try:
        rows = loaders.logged_rows()
    except RunLogError as error:
        st.warning(f"The {error}.")
        return []
    found = tables.cache_rows(rows, settings)
    if not found:
        st.info(f"No measured cache has these settings. {_what_is_measured(rows)}")
        return []
    if (device := device_or_notice()) is None:
        return []
    here = tables.measured_on(found, device)
    if not here:
        names = ", ".join(sorted({row["device_name"] for row in found}))
        st.info(f"These settings were measured on another device only: {names}.")
    return here


def show_logged_caches(rows: list[tables.Row]) -> None:
    """The measured caches as a table with the formula beside, where there are any."""
    if not rows:
        return
    st.subheader("Formula against measured")
    panels.show_evidence("measured here", "formula")
    table = cache_table(rows)
    panels.show_table(table, "measured_caches", "Bytes of measured caches beside the formula")
    panels.show_downloads("measured_caches", {"csv": table.csv})


def _what_is_measured(rows: tuple[tables.Row, ...]) -> str:
    known = tables.measured_settings(rows)
    if not known:
        return "Measure some on the page Decode: it runs 1 layer unless told otherwise."
    more = len(known) - MAX_NAMED
    others = f"; and {more} more" if more > 0 else ""
    return f"Measured are: {'; '.join(known[:MAX_NAMED])}{others}. Set the sliders to one of them."
