"""Measured caches from the run log for the current settings, or why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard.data import decode_rows as tables
from dashboard.report.decode_tables import cache_table
from dashboard.settings.model import ModelSettings
from dashboard.shell import logged, panels
from dashboard.shell.log import read_log
from dashboard.views.device import device_or_notice
from gqa_core.records.log.columns import config_key
from gqa_core.records.log.selection import RecordFilter

MAX_NAMED = 3
MAX_SETTINGS = 200  # that the sentence counts


def logged_caches(settings: ModelSettings) -> list[tables.CacheRow]:
    """Measured caches with these settings on this device; a note if there are none."""
    where = RecordFilter(
        kinds=("decode",),
        configs=tuple(config_key(layer) for layer in settings.variants.values()),
        batch_sizes=(settings.batch_size,),
        kv_formats=(settings.kv_format,),
        n_layers=(settings.n_layers,),
    )
    rows: Sequence[tables.Row] | None = read_log(lambda: logged.newest_rows(where), None)
    if rows is None:
        return []
    if not (matching := tables.cache_rows(rows, settings)):
        st.caption(f"No measured cache has these settings. {_describe_measured()}")
        return []
    if (device := device_or_notice()) is None:
        return []
    own = read_log(lambda: logged.newest_rows(replace(where, device=device)), ())
    local = tables.cache_rows(own, settings)
    if not local:
        names = ", ".join(sorted({cache.row.record.device.name for cache in matching}))
        st.caption(f"These settings were measured on another device only: {names}.")
    return local


def show_logged_caches(rows: list[tables.CacheRow]) -> None:
    """Draw the measured caches next to the formula, folded, if there are any."""
    if not rows:
        return
    if place := panels.folded("Formula and measurement", "measured_caches_unfolded"):
        with place:
            table = cache_table(rows)
            alt = "Bytes of measured caches next to the formula"
            panels.show_table(table, "measured_caches", alt, ("measured here", "formula"))
            panels.show_downloads("measured_caches", {"csv": table.csv})


def _describe_measured() -> str:
    columns = ("config", "n_layers", "batch_size", "kv_format")
    newest = logged.newest_values(logged.DECODE, *columns, limit=MAX_SETTINGS)
    known = tables.measured_settings(newest)
    if not known:
        return "Measure some on the page Decode, with as many layers as here (1 by default there)."
    more = len(known) - MAX_NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return f"Measured: {'; '.join(known[:MAX_NAMED])}{rest}. Set the sliders to one of them."
