"""Models beside each other: an answer, a number each, their lines, and how their layers differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from dashboard.controls.weights import show_weights_offers
from dashboard.data.capacity import Plan, sequence_curves
from dashboard.data.model_comparison import (
    ModelComparison,
    comparison_growth,
    plan_comparison,
)
from dashboard.figures.cache_growth import cache_growth
from dashboard.figures.model_styles import model_styles
from dashboard.figures.sequences_vs_context import sequences_vs_context
from dashboard.report import model_comparison as report
from dashboard.report.capacity_tables import plan_table
from dashboard.report.metric import Metric
from dashboard.settings.options import CONTEXT_LENS
from dashboard.shell import panels
from gqa_core.catalog.devices import Device


def show_cache_comparison(comparison: ModelComparison, ceilings: Sequence[Device] = ()) -> None:
    """Draw the caches of all models over the context, and below them the fields that differ."""
    names = [model.name for model in comparison.models]
    answer = report.cache_answer(comparison)
    panels.show_answer(panels.escape_markdown(answer))
    panels.show_strip(_colored(report.cache_metrics(comparison), names))
    growth = comparison_growth(comparison, CONTEXT_LENS, ceilings)
    evidence = ("formula", "published") if ceilings else ("formula",)
    panels.show_figure(
        cache_growth(growth, styles=model_styles(names)), "compared_caches", answer, evidence
    )
    _show_fields(comparison)
    if place := panels.folded("The numbers", "compared_caches_unfolded"):
        with place:
            table = report.cache_table(comparison)
            panels.show_small_table(table, ("formula",))
            panels.show_downloads("compared_caches", {"csv": table.csv})


def show_capacity_comparison(plan: Plan, comparison: ModelComparison) -> None:
    """Draw the sequences of every model that fit on the GPUs of the plan."""
    compared = plan_comparison(plan, comparison)
    answer = report.users_answer(compared)
    panels.show_answer(panels.escape_markdown(answer))
    show_weights_offers()
    if compared.plan is not None:
        _show_users(compared.plan, [model.name for model in comparison.models], answer)
    _show_fields(comparison)


def _show_users(plan: Plan, names: Sequence[str], answer: str) -> None:
    """The figure and the table of a plan whose deployments are models."""
    styles = model_styles(names)
    panels.show_strip(_colored(report.users_metrics(plan), names))
    evidence = ("formula", "published") if plan.gpu_source else ("formula",)
    panels.show_figure(
        sequences_vs_context(sequence_curves(plan, CONTEXT_LENS), styles=styles),
        "compared_sequences",
        answer,
        evidence,
    )
    if place := panels.folded("The numbers", "compared_plans_unfolded"):
        with place:
            table = plan_table(plan, "Model")
            panels.show_small_table(table, evidence)
            panels.show_downloads("compared_plans", {"csv": table.csv})


def _show_fields(comparison: ModelComparison) -> None:
    if place := panels.folded("How their layers differ", "fields_unfolded"):
        with place:
            table = report.fields_table(comparison)
            if table.rows:
                panels.show_small_table(table, ("published",))
                panels.show_downloads("fields", {"csv": table.csv})
            else:
                st.caption("They do not: the layers of these models are alike.")


def _colored(metrics: Mapping[str, Metric], names: Sequence[str]) -> list[Metric]:
    """The metrics by model, each with the colour of its model's line."""
    styles = model_styles(names)
    return [replace(metric, color=styles[name].color) for name, metric in metrics.items()]
