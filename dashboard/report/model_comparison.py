"""Compared models in numbers, sentences and tables: caches, users, and fields that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.data.capacity import Plan, fits
from dashboard.data.model_comparison import ComparedModel, ModelComparison, PlanComparison
from dashboard.report.columns import GB, GIB, KIB, TIMES, Column, Table
from dashboard.report.layout_sentences import describe_layer
from dashboard.report.metric import Metric
from dashboard.report.part_terms import part_keeps, parts_besides
from dashboard.settings.layouts import main_attention
from gqa_core import units
from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.theory.parts import memory_parts


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a model's layers: its name, and its text for each model."""

    name: str
    text: Callable[[ComparedModel], str]


def cache_metrics(comparison: ModelComparison) -> dict[str, Metric]:
    """Each model's cache by its name, in one decimal unit, and its ratio to the first."""
    sizes = [comparison.cache_bytes(each, comparison.context_len) for each in comparison.models]
    texts = units.decimal_in_one_unit(sizes)
    return {
        model.name: Metric(
            f"{model.name} ({model.variant})",
            text,
            f"{units.capacity(size)}, {_ratio_text(comparison, model)}",
        )
        for model, size, text in zip(comparison.models, sizes, texts, strict=True)
    }


def cache_answer(comparison: ModelComparison) -> str:
    """The caches of all models in one sentence, and which cannot be stored so."""
    first, *more = cache_metrics(comparison).values()
    users = f" for {comparison.batch_size} users" if comparison.batch_size > 1 else ""
    ratios = [
        f"{metric.label} {metric.value} ({units.times(comparison.ratio(model))})"
        for model, metric in zip(comparison.models[1:], more, strict=True)
    ]
    ratios_text = f" Beside it: {', '.join(ratios)}." if ratios else ""
    missing = ", ".join(comparison.not_storable)
    left_out = f" Not in {comparison.kv_format}: {missing}." if missing else ""
    return (
        f"At {comparison.context_len:,} tokens{users} {first.label} keeps {first.value}."
        f"{ratios_text}{left_out}"
    )


def cache_table(comparison: ModelComparison) -> Table[ComparedModel]:
    """One row per model: bytes per token, the cache in both units, and its ratio to the first."""

    def size(model: ComparedModel) -> int:
        return comparison.cache_bytes(model, comparison.context_len)

    def allocated(model: ComparedModel) -> int:
        return comparison.allocated_bytes(model, comparison.context_len)

    def per_token(model: ComparedModel) -> int:
        parts = memory_parts(model.config, comparison.kv_format)
        return sum(part.bytes_per_token for part in parts)

    columns = [
        Column[ComparedModel]("Model", lambda model: model.name),
        Column[ComparedModel]("Variant", lambda model: model.variant),
        Column("Per token", per_token, KIB),
        Column("Cache", size, GB),
        Column("Cache", size, GIB),
        Column("Of the first", comparison.ratio, TIMES),
    ]
    if comparison.has_window_layers:
        columns.append(Column("As allocated", allocated, GB))
    return Table(columns, list(comparison.models))


def users_metrics(plan: Plan) -> dict[str, Metric]:
    """Sequences of each model that fit on the GPUs by its name, beside its weights."""
    return {
        name: Metric(
            name,
            _users(plan, name),
            f"sequences, beside {units.decimal(deployment.weight_bytes)} of weights",
        )
        for name, deployment in plan.deployments.items()
    }


def users_answer(comparison: PlanComparison) -> str:
    """The users that each model leaves room for, and the models that nothing can be said of."""
    left_out = "".join(
        f" {name} is left out: {reason}." for name, reason in comparison.left_out.items()
    )
    if note := comparison.weights_note:
        left_out += f" {note}"
    if note and not comparison.weights_known:
        left_out += " Type Weights in total (GB) beside the model."
    plan = comparison.plan
    if plan is None:
        return f"Nothing can be said about what fits.{left_out}"
    users = [f"{name} {_users(plan, name)}" for name in plan.deployments]
    return (
        f"On paper, {plan.shown.world} x {plan.gpu} hold so many sequences of "
        f"{plan.context_len:,} tokens: {', '.join(users)}.{left_out}"
    )


def fields_table(comparison: ModelComparison) -> Table[Field]:
    """One row per field in which the models' layers differ, one column per model."""
    fields = [
        field for field in _fields(comparison.kv_format) if _differs(field, comparison.models)
    ]
    columns = [
        Column[Field]("Field", lambda field: field.name),
        *(_model_column(model) for model in comparison.models),
    ]
    return Table(columns, fields)


def _model_column(model: ComparedModel) -> Column[Field]:
    return Column(model.name, lambda field: field.text(model))


def _differs(field: Field, models: Sequence[ComparedModel]) -> bool:
    return len({field.text(model) for model in models}) > 1


def _fields(kv_format: str) -> list[Field]:
    """All fields that are compared."""
    return [
        Field("Variant", lambda model: model.variant),
        Field("Layers", lambda model: str(model.config.n_layers)),
        Field("Layers that cache no tokens", lambda model: str(model.config.n_cacheless_layers)),
        Field("Query heads", _query_heads),
        Field("Cached per layer", _cached_layers),
        Field("Query heads per K/V head", _queries_per_kv_head),
        Field("Windows", _windows),
        Field("Beside K, V and latents", lambda model: _besides(model, kv_format)),
        Field("Weights", _weights),
    ]


def _query_heads(model: ComparedModel) -> str:
    attention = main_attention(model.config)
    return str(attention.n_heads) if attention else "-"


def _queries_per_kv_head(model: ComparedModel) -> str:
    attention = main_attention(model.config)
    if isinstance(attention, GroupedConfig):
        return str(attention.q_per_kv)
    return "all share the latent" if isinstance(attention, LatentConfig) else "-"


def _cached_layers(model: ComparedModel) -> str:
    """The vectors of each kind of layer, counted where kinds differ."""
    kinds: dict[str, int] = {}
    for group in model.config:
        text = describe_layer(group.attention)
        kinds[text] = kinds.get(text, 0) + group.n_layers
    if len(kinds) == 1:
        return next(iter(kinds))
    return "; ".join(f"{count} x {text}" for text, count in kinds.items()) or "-"


def _windows(model: ComparedModel) -> str:
    windows = [group for group in model.config if group.window is not None]
    texts = [
        f"{units.count(group.n_layers, 'layer')} of {group.window:,} tokens" for group in windows
    ]
    return ", ".join(texts) or "none"


def _besides(model: ComparedModel, kv_format: str) -> str:
    return "; ".join(map(part_keeps, parts_besides(model.config, kv_format))) or "nothing"


def _weights(model: ComparedModel) -> str:
    if model.weight_bytes is None:
        return "not known"
    return f"{units.decimal(model.weight_bytes)} in {model.weight_format}"


def _ratio_text(comparison: ModelComparison, model: ComparedModel) -> str:
    if model is comparison.first:
        return "the first, 1x"
    return f"{units.times(comparison.ratio(model))} of {comparison.first.name}"


def _users(plan: Plan, name: str) -> str:
    """Sequences that fit, from the engine's rules to the ideal; the engine's own come first."""
    counts = [f"{max(fit.max_sequences, 0):,}" for fit in fits(plan, name)]
    return counts[0] if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
