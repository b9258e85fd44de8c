"""The roofline of measured points: metrics, chart, table and answer."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.data import decode_rows as tables
from dashboard.data import roofline
from dashboard.data.decode_rows import Row
from dashboard.figures.roofline import roofline as roofline_figure
from dashboard.report import roofline_sentences
from dashboard.report.metric import Metric
from dashboard.report.roofline_tables import roofline_table
from dashboard.settings.measurement import DecodeSettings
from dashboard.shell import panels
from dashboard.shell.widgets import MultiSelect
from dashboard.views.decode_results import (
    NOTHING,
    merge_with_log,
    scope_control,
    show_every_point,
    show_point_downloads,
)
from dashboard.views.verdict import show_doubts, show_unusable, show_verdict
from gqa_core import units
from gqa_core.catalog.devices import Device, devices
from gqa_core.records.header import Device as MeasuredDevice
from gqa_core.records.kinds import Record
from gqa_core.theory.roofline import Roof

ROOFS = ("NVIDIA L4", "NVIDIA H100 SXM")
MAX_ROOFS = 4


def roofs_control() -> list[Device]:
    """The published devices whose roof is drawn; only those with a published bf16 rate."""
    by_name = {device.name: device for device in devices() if device.bf16_tflops is not None}
    names = MultiSelect(
        key="roofs",
        label="Roofs of",
        options=list(by_name),
        default=ROOFS,
        max_selections=MAX_ROOFS,
        help="Drawn as dashed lines: bandwidth and dense bf16 rate on the vendor's label.",
    ).show()
    return [by_name[name] for name in names]


def visible_points(
    settings: DecodeSettings, device: MeasuredDevice, live_records: Sequence[Record]
) -> list[Row]:
    """Points that this device measured in the selected number format, in the log and this run."""
    rows = tables.measured_on(merge_with_log(live_records), device)
    if scope_control():
        rows = tables.matching(rows, settings)
    return tables.latest(roofline.in_format(rows, settings.dtype))


def show_roofline(settings: DecodeSettings, gpus: Sequence[Device], rows: Sequence[Row]) -> None:
    """Draw metrics, the chart and the points' table; without points, the formula's part only."""
    if not rows:
        st.info(NOTHING)
    elif usable := tables.usable(rows):
        show_verdict(usable)
        _show_metrics(rows, roofline.best_roof(rows))
    else:
        show_unusable("No roof.", rows)
    evidence = {"measured here": rows, "formula": settings.variants, "published": gpus}
    panels.show_evidence(*[kind for kind, items in evidence.items() if items])
    data = roofline.roofline_data(settings, gpus, rows)
    panels.show_figure(
        roofline_figure(data),
        "roofline",
        roofline_sentences.answer(data),
    )
    if rows:
        _show_table(rows)


def show_answer(settings: DecodeSettings, gpus: Sequence[Device], rows: Sequence[Row]) -> None:
    """Draw the answer that the points and roofs shown give, or why the points give none."""
    if rows and not tables.usable(rows):
        show_unusable("No answer.", rows)
        return
    data = roofline.roofline_data(settings, gpus, rows)
    st.success(f"**Answer.** {roofline_sentences.answer(data)}")


def _show_metrics(rows: Sequence[Row], roof: Roof) -> None:
    ridge, rate = roof.ridge_point, roof.peak_flops_per_s
    shares = roofline.bound_shares(rows)
    share = roofline.median_share(shares)
    panels.show_strip(
        [
            Metric("Read bandwidth", units.bandwidth(roof.peak_bytes_per_s), "best of the probes"),
            Metric(
                "Arithmetic rate",
                "not probed" if rate is None else units.flop_rate(rate),
                f"{rows[0].dtype}, best of the probes",
            ),
            Metric(
                "Ridge point",
                "not known" if ridge is None else f"{ridge:.3g} FLOP/B",
                "to the left, memory is the limit",
            ),
            Metric(
                "Share of the bound",
                "withheld" if share is None else units.percent(share),
                f"median of {units.count(len(shares), 'point')}",
            ),
        ]
    )


def _show_table(rows: Sequence[Row]) -> None:
    build_table, alt = roofline_table, "Measured points under the roof, one row per point"
    show_every_point(rows, build_table, "points", alt)
    show_doubts(rows)
    show_point_downloads("roofline", rows, build_table)
