"""One layer's heads on several GPUs: figure, bytes per GPU and in total, and copies."""

from __future__ import annotations

import streamlit as st

from dashboard.figures.heads_on_gpus import heads_on_gpus
from dashboard.report.cache_sentences import copies_sentence
from dashboard.report.cache_tables import gpu_table
from dashboard.report.metric import Metric
from dashboard.settings.model import ModelSettings
from dashboard.shell import panels
from gqa_core import units
from gqa_core.configs import AttentionConfig


def show_on_gpus(settings: ModelSettings, attention: AttentionConfig, tp: int) -> None:
    """Draw how tensor parallelism splits this variant's heads over `tp` GPUs."""
    st.subheader("On GPUs")
    if tp == 1:
        st.caption(
            "One GPU holds everything. Choose more under **More settings** to see copies begin."
        )
        return
    total = settings.cache_bytes(attention.variant, settings.context_len)
    per_gpu = settings.bytes_per_gpu(attention.variant, tp)
    panels.show_evidence("formula")
    panels.show_strip(
        [
            Metric(
                "Cache per GPU",
                units.capacity(per_gpu),
                f"{units.percent(per_gpu / total)} of all",
            ),
            Metric(f"On all {tp} GPUs", units.capacity(tp * per_gpu), "including copies"),
            Metric(
                "Copies",
                units.times(tp * per_gpu / total),
                "bytes on all GPUs / cache",
            ),
        ]
    )
    sentence = copies_sentence(attention, tp)
    panels.show_figure(heads_on_gpus(attention, tp), "heads_on_gpus", sentence)
    st.markdown(sentence)
    table = gpu_table(settings, attention, tp)
    panels.show_small_table(table)
    panels.show_downloads("heads_on_gpus", {"csv": table.csv})
