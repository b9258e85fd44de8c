"""Models beside each other, each with its own layers, at one context, batch and cache format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dashboard.data.cache_growth import CacheGrowth, crossings
from dashboard.data.capacity import Plan
from dashboard.settings.layouts import own_variant
from dashboard.settings.model import ModelSettings, is_storable
from dashboard.settings.splits import can_split
from gqa_core.catalog.devices import Device, devices
from gqa_core.configs import ModelConfig, Workload
from gqa_core.theory.parts import total_bytes, total_bytes_as_allocated

MAX_MODELS = 4  # lines that one chart can show, and columns that one table can


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedModel:
    """A model by its name; `weight_bytes` are those in `weight_format`, None if not known."""

    name: str
    config: ModelConfig
    weight_bytes: int | None = None
    weight_format: str = ""

    @property
    def variant(self) -> str:
        """The variant of the layers that represent it: "GQA", or "no K/V heads"."""
        return own_variant(self.config) or "no K/V heads"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparison:
    """Models with the same workload; the first is what the others are divided by.

    `not_storable` names those whose widths the cache format cannot have.
    """

    models: Sequence[ComparedModel]
    context_len: int
    batch_size: int
    kv_format: str
    not_storable: Sequence[str] = ()

    @property
    def first(self) -> ComparedModel:
        """The model that the others are divided by."""
        return self.models[0]

    @property
    def has_window_layers(self) -> bool:
        """True if a layer of any of them sees a window only."""
        return any(model.config.has_window_layers for model in self.models)

    def cache_bytes(self, model: ComparedModel, context_len: int) -> int:
        """Bytes of all that a model keeps for this batch."""
        return total_bytes(model.config, self._workload(context_len), self.kv_format)

    def allocated_bytes(self, model: ComparedModel, context_len: int) -> int:
        """Bytes of all that a model keeps if every cache has slots for the whole context."""
        return total_bytes_as_allocated(model.config, self._workload(context_len), self.kv_format)

    def ratio(self, model: ComparedModel) -> float:
        """A model's bytes divided by those of the first."""
        first = self.cache_bytes(self.first, self.context_len)
        return self.cache_bytes(model, self.context_len) / first

    def _workload(self, context_len: int) -> Workload:
        return Workload(context_len=context_len, batch_size=self.batch_size)


def model_comparison(
    settings: ModelSettings, first: ComparedModel, more: Sequence[ComparedModel]
) -> ModelComparison:
    """The models that the cache format can store, at the workload of the settings."""
    storable = [model for model in more if is_storable(model.config, settings.kv_format)]
    return ModelComparison(
        models=(first, *storable),
        context_len=settings.context_len,
        batch_size=settings.batch_size,
        kv_format=settings.kv_format,
        not_storable=tuple(model.name for model in more if model not in storable),
    )


def comparison_growth(
    comparison: ModelComparison, contexts: Sequence[int], ceilings: Sequence[Device]
) -> CacheGrowth:
    """The caches of all models over `contexts`, and where they fill the ceilings."""
    sizes = {model.name: partial(comparison.cache_bytes, model) for model in comparison.models}
    meetings = crossings(sizes, ceilings, max(contexts))
    contexts = sorted({*contexts, *(crossing.context_len for crossing in meetings)})
    return CacheGrowth(
        contexts=contexts,
        curves={name: [size(n_tokens) for n_tokens in contexts] for name, size in sizes.items()},
        context_len=comparison.context_len,
        ceilings={device.name: device.memory_bytes for device in ceilings},
        crossings=meetings,
        highest_bytes=max(device.memory_bytes for device in devices()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanComparison:
    """A plan whose deployments are those of models, by name, and the reasons for those left out.

    The plan is None if no model can be deployed. `weights_note` is about those of the first model,
    which are known if `weights_known`.
    """

    plan: Plan | None
    left_out: Mapping[str, str]
    weights_note: str = ""
    weights_known: bool = True


def plan_comparison(plan: Plan, comparison: ModelComparison) -> PlanComparison:
    """Every model on the GPUs of the plan; the first has the plan's weights, others their own."""
    own_weights = plan.shown.weight_bytes if plan.weights_known else None
    first = replace(comparison.first, weight_bytes=own_weights)
    left_out = dict.fromkeys(comparison.not_storable, f"no {comparison.kv_format} of these widths")
    deployments = {}
    for model in (first, *comparison.models[1:]):
        if model.weight_bytes is None:
            left_out[model.name] = "size of its weights not known"
        elif not can_split(model.config, plan.shown.engine, plan.shown.parallelism):
            left_out[model.name] = "heads cannot be split so"
        else:
            deployments[model.name] = replace(
                plan.shown, model=model.config, weight_bytes=model.weight_bytes
            )
    result = PlanComparison(
        plan=None,
        left_out=left_out,
        weights_note=plan.weights_note,
        weights_known=plan.weights_known,
    )
    if not deployments:
        return result
    together = replace(plan, variant=next(iter(deployments)), deployments=deployments, not_split=())
    return replace(result, plan=replace(together, weights_known=True))
