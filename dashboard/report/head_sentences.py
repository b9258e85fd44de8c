"""Sentences and metrics about the heads of the small model, before and after conversion."""

from __future__ import annotations

from dashboard.data.head_inspection import TRAITS
from dashboard.report.metric import Metric
from gqa_core import units
from gqa_core.records.head_inspection import InspectedModel, Matrix
from gqa_core.records.specs.training import TrainingConfig


def limits(config: TrainingConfig, noise_cka: float) -> str:
    """The computation of similarity, and the limits of a small model, as Markdown."""
    return (
        "**Similarity.** Linear CKA (Kornblith et al., arXiv:1905.00414): 1 if two heads place the "
        "same tokens near each other, whatever axes they use. Keys are compared as cached, after "
        "RoPE.\n\n"
        "**Effective number.** exp of the entropy of the eigenvalues of the CKA matrix at trace 1 "
        "(Vendi score, arXiv:2210.02410): 1 if all heads are the same, "
        f"{config.n_heads} if none are similar.\n\n"
        "**What a toy model can show.** Query heads of one K/V head read the same keys and values "
        "by construction, and can still attend to different bytes.\n\n"
        "**What it cannot show.** How diverse the heads of a large model are, or how many it "
        f"needs. This model has {config.n_layers} layers, has read a few hundred kilobytes of one "
        "text, and is shown right after conversion, before any uptraining. On so few bytes CKA is "
        f"high: two unrelated heads of noise would reach about **{noise_cka:.2f}** for keys and "
        "values here, and attention patterns are similar anyway, because no head can attend to "
        "later bytes. Different heads are not better heads; the loss shows what sharing costs."
    )


def effective_metrics(before: InspectedModel, after: InspectedModel) -> list[Metric]:
    """Metrics of the effective number of heads per trait, before and after conversion."""
    n_heads, count = len(before.weights), units.count(after.n_kv_heads, "K/V head")
    return [
        Metric(
            f"{name}: distinct heads",
            f"{after.effective[key]:.1f} of {n_heads}",
            f"effective number with {count}; {before.effective[key]:.1f} with {n_heads}",
        )
        for key, name in TRAITS.items()
    ]


def sharing_facts(model: InspectedModel) -> str:
    """Facts about query heads of one K/V head: what they share and what differs, as Markdown."""
    patterns = within_group_cka(model.similarity["patterns"], model.n_kv_heads)
    n_heads, shared = len(model.weights), model.n_kv_heads
    return (
        f"**Shared:** the {n_heads // shared} query heads of a K/V head read the same keys and "
        f"values, so their CKA is exactly 1, and at most {shared} of {n_heads} are distinct. "
        "**Not shared:** each head has its own query, so their attention differs: between two "
        f"heads of one K/V head it has a CKA of {min(patterns):.2f} to {max(patterns):.2f} here."
    )


def within_group_cka(similarity: Matrix, n_kv_heads: int) -> list[float]:
    """CKA of every pair of query heads that read the same K/V head."""
    q_per_kv = len(similarity) // n_kv_heads
    return [
        similarity[head][other]
        for head in range(len(similarity))
        for other in range(head + 1, len(similarity))
        if head // q_per_kv == other // q_per_kv
    ]
