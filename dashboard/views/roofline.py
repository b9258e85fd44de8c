"""The limit of a step: answer, metrics, the roofline of measured points, and their table."""

from __future__ import annotations

from collections.abc import Sequence

from streamlit.delta_generator import DeltaGenerator

from dashboard.data import decode_rows as tables
from dashboard.data import roofline
from dashboard.data.decode_rows import Row
from dashboard.data.decode_view import DecodeSources
from dashboard.figures.roofline import roofline as roofline_figure
from dashboard.report import roofline_sentences
from dashboard.report.decode_sentences import source_sentence
from dashboard.report.metric import Metric
from dashboard.report.roofline_tables import roofline_table
from dashboard.shell import panels
from dashboard.shell.widgets import MultiSelect
from dashboard.views.decode_results import show_every_point, show_point_downloads
from dashboard.views.verdict import show_doubts, show_unusable, show_verdict
from gqa_core import units
from gqa_core.catalog.devices import Device, devices
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


def show_bound(sources: DecodeSources, gpus: Sequence[Device], top: DeltaGenerator) -> None:
    """Draw what bounds each variant and how near points come: the answer into `top`."""
    view = sources.points()
    data = roofline.roofline_data(sources.settings, gpus, view.rows, view.reference_rows)
    with top:
        _show_answer(view.rows, data)
    evidence = [*view.evidence, "formula", *["published"] * bool(gpus)]
    answer = roofline_sentences.answer(data)
    caption = panels.escape_markdown(roofline_sentences.details(data))
    panels.show_figure(roofline_figure(data), "roofline", answer, evidence, caption)
    if view.rows:
        _show_table(view.rows)


def _show_answer(rows: Sequence[Row], data: roofline.RooflineData) -> None:
    """Draw the answer that the points and roofs shown give, or why the points give none."""
    if rows and not tables.usable(rows):
        show_unusable("No roof.", rows)
        return
    answer = roofline_sentences.answer(data)
    source = f" {source_sentence(rows)}" if rows else ""
    panels.show_answer(panels.escape_markdown(f"{answer}{source}"))
    if rows:
        show_verdict(tables.usable(rows))
        _show_metrics(rows, roofline.best_roof(rows))


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
