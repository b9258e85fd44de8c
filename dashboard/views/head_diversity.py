"""Attention maps and similarity of heads on a text, before and after conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.figures.attention_maps import attention_maps
from dashboard.figures.head_similarity import head_similarity
from dashboard.report.head_sentences import effective_metrics, limits, sharing_facts
from dashboard.report.head_tables import similarity_table
from dashboard.shell import loaders, panels
from dashboard.shell.job_queue import JobError, MachineBusyError
from dashboard.shell.public_text import public_text
from dashboard.shell.widgets import Segmented, TextInput
from dashboard.views.device import rerun_when_free
from gqa_core import units
from gqa_core.records.head_inspection import InspectedModel
from gqa_core.records.specs.inspection import TEXT_BYTES, InspectionSpec
from gqa_core.records.specs.training import POOLINGS, TrainingConfig, divisors

TEXT = TextInput(
    key="heads_text",
    label="Text",
    default="The while statement is used for repeated execution.",
    max_chars=TEXT_BYTES[1],
    help=f"{TEXT_BYTES[0]} to {TEXT_BYTES[1]} bytes; each byte is one token.",
)


def show_head_diversity() -> None:
    """Draw widgets, metrics, similarity and attention maps, and their limits."""
    try:
        spec = _inspection_controls(TrainingConfig())
        answer = loaders.heads(spec)
    except MachineBusyError:
        st.info("This machine is measuring. The heads are shown when the run is done.")
        rerun_when_free()
        return
    except (ValueError, JobError) as error:
        st.warning(panels.escape_markdown(public_text(f"The heads cannot be shown: {error}.")))
        return
    before, after = answer.models
    panels.show_evidence("measured here")
    panels.show_strip(effective_metrics(before, after))
    facts = sharing_facts(after)
    st.markdown(facts)
    panels.show_figure(
        head_similarity({model.n_kv_heads: model.similarity for model in (before, after)}),
        "head_similarity",
        facts.replace("**", ""),
    )
    st.caption("A frame surrounds query heads that share a K/V head. Heads are numbered from 0.")
    for column, model in zip(st.columns(2), (before, after), strict=True):
        with column:
            _show_maps(model, answer.tokens)
    st.caption(
        "Each row is a byte that attends, each column a byte it attends to, in the order of the "
        "text. Heads that share a K/V head have the same background colour."
    )
    panels.show_downloads("head_similarity", {"csv": similarity_table(answer).csv})
    st.markdown(limits(spec.training_config, answer.noise_cka))


def _inspection_controls(training_config: TrainingConfig) -> InspectionSpec:
    """The inspection that the widgets describe: the trained model, and one with pooled heads.

    Raises:
        ValueError: the text is too short or too long in bytes.
    """
    widgets = _inspection_widgets(training_config)
    with st.container(border=True):
        text = TEXT.show()
        columns = st.columns(len(widgets))
        values = []
        for column, widget in zip(columns, widgets, strict=True):
            with column:
                values.append(widget.show())
    layer, n_kv_heads, start = values
    return InspectionSpec(
        text=text,
        n_kv_heads=(training_config.n_heads, n_kv_heads),
        start=start,
        layer=layer,
        training_config=training_config,
    )


def _inspection_widgets(training_config: TrainingConfig) -> list[Segmented[Any]]:
    return [
        Segmented(
            key="heads_layer",
            label="Layer, from 0",
            options=range(training_config.n_layers),
            default=1,
        ),
        Segmented(
            key="heads_n_kv_heads",
            label="K/V heads after conversion",
            options=divisors(training_config.n_heads)[1:],
            default=2,
        ),
        Segmented(
            key="heads_start",
            label="Heads pooled by",
            options=POOLINGS,
            default=POOLINGS[0],
        ),
    ]


def _show_maps(model: InspectedModel, tokens: Sequence[int]) -> None:
    count = units.count(model.n_kv_heads, "K/V head")
    n_heads = len(model.weights)
    st.markdown(f"**Attention of {n_heads} query heads, {count}**")
    panels.show_figure(
        attention_maps(model.weights, model.n_kv_heads, tokens),
        f"attention_maps_{'before' if model.n_kv_heads == n_heads else 'after'}",
        f"Attention weights of {n_heads} query heads with {count}; sharing heads match in colour.",
    )
