"""Widgets of the page about several GPUs."""

from __future__ import annotations

from dashboard.controls import model_box as box
from dashboard.controls.measurement import LAYERS
from dashboard.controls.model_row import fill_model_row
from dashboard.controls.sidebar import sidebar_box
from dashboard.controls.sliders import BATCH_SIZE, CONTEXT_LEN, DTYPE, heads_controls
from dashboard.settings.model import AttentionSettings
from dashboard.settings.options import MAX_TP
from dashboard.settings.several_gpus import SeveralGpusSettings, dcp_options, tp_options
from dashboard.shell.widgets import Slider

DEFAULT_TP = 8  # the GPUs of one server


def several_gpus_controls() -> SeveralGpusSettings:
    """Heads, context and the ranks in sight; head width, batch, layers and format folded."""
    with sidebar_box() as (placeholder, more):
        box.apply_link(measuring=True)
        heads = heads_controls(more)
        geometry = AttentionSettings(**heads, context_len=1, batch_size=1)
        tp = _tp_control(geometry)
        dcp = _dcp_control(geometry, tp)
        context_len = CONTEXT_LEN.show()
        with more:
            settings = SeveralGpusSettings(
                **heads,
                context_len=context_len,
                batch_size=BATCH_SIZE.show(),
                n_layers=LAYERS.show(),
                dtype=DTYPE.show(),
                tp=tp,
                dcp=dcp,
            )
    fill_model_row(settings, placeholder)
    return settings


def _tp_control(geometry: AttentionSettings) -> int:
    options = [tp for tp in tp_options(geometry) if tp <= MAX_TP]
    return Slider(
        key="sharded_tp",
        label="GPUs (tensor parallel)",
        options=options,
        default=max(tp for tp in options if tp <= DEFAULT_TP),
        reset_value=DEFAULT_TP,
        help="They split the heads. Numbers that cannot split the heads of every variant are not "
        "offered.",
    ).show()


def _dcp_control(geometry: AttentionSettings, tp: int) -> int:
    """The context parallel ranks that every variant can have among `tp` GPUs."""
    return Slider(
        key="sharded_dcp",
        label="Of them context parallel (dcp)",
        options=dcp_options(geometry, tp),
        default=1,
        help="GPUs that share the tokens of a sequence: token i is on GPU i mod dcp of its group, "
        "and K/V heads are split over tp / dcp.",
    ).show()
