"""Heads on a text the reader types: what each looks at, how alike they are before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.data.head_inspection import TRAITS
from dashboard.figures.attention_maps import attention_maps
from dashboard.figures.head_similarity import head_similarity
from dashboard.report.head_tables import similarity_table
from dashboard.shell import loaders, panels
from dashboard.shell.job_queue import JobError, MachineBusyError
from dashboard.shell.links import show_link_errors
from dashboard.shell.widgets import Segmented, TextInput
from dashboard.views.device import rerun_when_free
from gqa_core import units
from gqa_core.records.head_inspection import InspectedModel, Matrix
from gqa_core.records.specs.inspection import TEXT_BYTES, InspectionSpec
from gqa_core.records.specs.training import POOLINGS, TrainingConfig, divisors

TEXT = TextInput(
    key="heads_text",
    label="Text",
    default="The while statement is used for repeated execution.",
    max_chars=TEXT_BYTES[1],
    help=f"{TEXT_BYTES[0]} to {TEXT_BYTES[1]} bytes; each byte is one token.",
)
LIMITS = (
    "**Similarity.** Linear CKA (Kornblith et al., arXiv:1905.00414): 1 where two heads hold the "
    "same tokens near each other, whatever axes they use for it. Keys are compared as cached, "
    "after RoPE.\n\n**Effective number.** exp of the entropy of the eigenvalues of the CKA matrix "
    "at trace 1 (Vendi score, arXiv:2210.02410): 1 if all heads are alike, {n_heads} if none are."
    "\n\n"
    "**What a toy can show.** That heads of one K/V head hold the same keys and values by "
    "construction, and can still look at different bytes.\n\n**What it cannot.** How diverse the "
    "heads of a large model are, or how many it needs: this one has {n_layers} layers, read a few "
    "hundred kilobytes of one text, and is shown right after conversion, before any uptraining. "
    "On so few bytes CKA runs high: two unrelated heads of noise would come to about "
    "**{noise_cka:.2f}** for keys and values here, and attention patterns are alike already since "
    "none can look ahead. Different heads are not better heads; the loss says what sharing costs."
)


def show_head_diversity() -> None:
    """Widgets, attention maps, similarity, effective numbers, and what they do not say."""
    try:
        question = _inspection_controls(TrainingConfig())
        answer = loaders.heads(question)
    except MachineBusyError:
        st.info("This machine is measuring. The heads are shown when the run is done.")
        rerun_when_free()
        return
    except (ValueError, JobError) as error:
        st.warning(panels.escape_markdown(f"The heads cannot be shown: {error}."))
        return
    before, after = answer.models
    panels.show_evidence("measured here")
    panels.show_metrics(effective_metrics(before, after))
    says = sharing_facts(after)
    st.markdown(says)
    panels.show_figure(
        head_similarity({model.n_kv_heads: model.similarity for model in (before, after)}),
        "head_similarity",
        says.replace("**", ""),
    )
    st.caption("Frames lie around query heads that share a K/V head. Heads count from 0.")
    for column, model in zip(st.columns(2), (before, after), strict=True):
        with column:
            _show_maps(model, answer.tokens)
    st.caption(
        "A row is a byte that looks, a column one it looks at, both in the order of the text; "
        "heads that share a K/V head lie on one coloured ground."
    )
    panels.show_downloads("head_similarity", {"csv": similarity_table(answer).csv})
    training_config = question.training_config
    st.markdown(
        LIMITS.format(
            n_heads=training_config.n_heads,
            n_layers=training_config.n_layers,
            noise_cka=answer.noise_cka,
        )
    )


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
        show_link_errors([TEXT.key, *(widget.key for widget in widgets)])
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
        f"Attention weights of {n_heads} query heads with {count}; sharers lie on one ground.",
    )


def effective_metrics(before: InspectedModel, after: InspectedModel) -> list[tuple[str, str, str]]:
    """How many distinct heads there are of each kind, with a K/V head each and with shared ones."""
    n_heads, count = len(before.weights), units.count(after.n_kv_heads, "K/V head")
    return [
        (
            f"{name}: distinct heads",
            f"{after.effective[key]:.1f} of {n_heads}",
            f"effective number with {count}; {before.effective[key]:.1f} with {n_heads}",
        )
        for key, name in TRAITS.items()
    ]


def sharing_facts(model: InspectedModel) -> str:
    """The two facts about heads that share: the same K and V, and yet what they look at."""
    patterns = within_group_cka(model.similarity["patterns"], model.n_kv_heads)
    n_heads, shared = len(model.weights), model.n_kv_heads
    return (
        f"**Shared:** the {n_heads // shared} query heads of a K/V head read the same keys and "
        f"values, so their CKA is exactly 1, and there are at most {shared} distinct of {n_heads}. "
        "**Not shared:** each asks with a query of its own, so what they look at differs: the "
        f"attention of two heads with one K/V head has a CKA of {min(patterns):.2f} to "
        f"{max(patterns):.2f} here."
    )


def within_group_cka(similarity: Matrix, n_kv_heads: int) -> list[float]:
    """The CKA of every two query heads that read the same K/V head."""
    q_per_kv = len(similarity) // n_kv_heads
    return [
        similarity[head][other]
        for head in range(len(similarity))
        for other in range(head + 1, len(similarity))
        if head // q_per_kv == other // q_per_kv
    ]
