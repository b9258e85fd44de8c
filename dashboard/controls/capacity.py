"""Widgets of the page Capacity: a model, and the GPUs that serve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import streamlit as st

from dashboard.controls.compare import compare_control
from dashboard.controls.model import model_controls_with
from dashboard.controls.parallel import dcp_control, dp_control, engine_control, pp_control
from dashboard.controls.variant import variant_control
from dashboard.controls.weights import weights_control
from dashboard.data.capacity import Plan
from dashboard.data.model_comparison import ModelComparison
from dashboard.settings.model import ModelSettings
from dashboard.settings.splits import can_split, tp_sizes
from dashboard.shell.folded_box import FoldedBox
from dashboard.shell.number_inputs import NumberInput, OptionalNumberInput
from dashboard.shell.state import remember
from dashboard.shell.widgets import Select, Slider
from gqa_core import units
from gqa_core.catalog.devices import MAX_MEMORY_GB, devices
from gqa_core.configs import ModelConfig
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.engines import EngineName
from gqa_core.theory.overhead import engine_overhead
from gqa_core.theory.parallelism import Parallelism

OTHER_GPU = "typed in GB"
N_GPUS = "n_gpus"

GPU = Select(
    key="gpu",
    label="GPU",
    options=(*(device.name for device in devices()), OTHER_GPU),
    default="NVIDIA H100 SXM",
    help="Its memory is the number on the vendor's label, read as decimal GB.",
)
GPU_MEMORY = NumberInput(
    key="gpu_gb",
    label="Memory per GPU (GB)",
    minimum=0.1,
    maximum=float(MAX_MEMORY_GB),
    default=80.0,
    help="Decimal GB, before the utilisation.",
)
UTILISATION = NumberInput(
    key="utilisation",
    label="Utilisation (%)",
    minimum=1,
    maximum=100,
    default=90,
    help="Share of a GPU's memory for weights and cache. The rest is left for activations and the "
    "runtime.",
)


USABLE = OptionalNumberInput(
    key="usable_gib",
    label="Usable memory (GiB)",
    minimum=0.1,
    maximum=float(MAX_MEMORY_GB),
    default=None,
    placeholder="",
    help="What an engine sees of the GPU's memory, before the utilisation. Empty: what start-up "
    "logs print for this GPU, or its label.",
)
OVERHEAD = OptionalNumberInput(
    key="overhead_gib",
    label="Besides per GPU (GiB)",
    minimum=0.0,
    maximum=float(MAX_MEMORY_GB),
    default=None,
    placeholder="",
    help="What the engine takes of each GPU besides weights and cache: runtime, communication, "
    "activations. Empty: what is expected of the engine.",
)


def compared_capacity_controls() -> tuple[Plan, ModelComparison | None]:
    """The deployment, and the models to compare on its GPUs, if any are chosen."""

    def finish(settings: ModelSettings, more: FoldedBox) -> tuple[Plan, ModelComparison | None]:
        comparison = compare_control(settings)
        return _plan(settings, more), comparison

    return model_controls_with(finish)


def show_gpus_button(plan: Plan) -> None:
    """Draw a button that splits the model over as many GPUs as these users need, if any do."""
    n_gpus = plan.shown.min_gpus(plan.context_len, plan.n_users) or plan.shown.min_gpus(1, 1)
    if n_gpus:
        st.button(
            f"Split it over {units.count(n_gpus, 'GPU')}",
            key="enough_gpus",
            on_click=_set_gpus,
            args=(n_gpus,),
        )


def _set_gpus(n_gpus: int) -> None:
    st.session_state[N_GPUS] = remember(N_GPUS, n_gpus)


def _plan(settings: ModelSettings, more: FoldedBox) -> Plan:
    gpu, memory_bytes, source = gpu_controls()
    n_gpus_place = st.container()
    weights = weights_control(settings, more)
    with more:
        variant = variant_control(settings)
        engine = engine_control()
        utilisation = UTILISATION.show()
    with n_gpus_place:
        n_gpus = _n_gpus_control(settings.models, engine)
    model = settings.models[variant]
    with more:
        parallelism = _parallelism_controls(model, engine, n_gpus)
        memory_bytes, overhead = memory_controls(memory_bytes, engine)
    models = {
        name: model
        for name, model in settings.models.items()
        if can_split(model, engine, parallelism)
    }
    return Plan(
        gpu=gpu,
        gpu_source=source,
        variant=variant,
        context_len=settings.context_len,
        n_users=settings.batch_size,
        safe_overhead_bytes=engine_overhead(engine).safe_bytes,
        weights_known=weights.n_bytes is not None,
        weights_note=weights.note or weights.refusal,
        not_split=tuple(name for name in settings.models if name not in models),
        deployments={
            name: Deployment(
                memory_bytes=memory_bytes,
                weight_bytes=weights.n_bytes or 0,
                model=model,
                kv_format=settings.kv_format,
                n_gpus=n_gpus,
                utilisation=Fraction(utilisation, 100),
                overhead_bytes=overhead,
                engine=engine,
                dp=parallelism.dp,
                dcp=parallelism.dcp,
                pp=parallelism.pp,
            )
            for name, model in models.items()
        },
    )


def _parallelism_controls(model: ModelConfig, engine: EngineName, n_gpus: int) -> Parallelism:
    dp, dcp, pp = dp_control(), dcp_control(model, engine, n_gpus), pp_control(model)
    return Parallelism(tp=n_gpus, dp=dp, dcp=dcp, pp=pp)


def memory_controls(device_bytes: int, engine: EngineName) -> tuple[int, int]:
    """Usable memory and overhead per GPU in bytes: those typed, or the defaults."""
    expected = engine_overhead(engine).expected_bytes
    usable = replace(USABLE, placeholder=_default_text(device_bytes)).show()
    besides = replace(OVERHEAD, placeholder=_default_text(expected)).show()
    return (
        device_bytes if usable is None else round(usable * units.GIB),
        expected if besides is None else round(besides * units.GIB),
    )


def _default_text(n_bytes: int) -> str:
    return f"{n_bytes / units.GIB:.2f} by default"


def gpu_controls() -> tuple[str, int, str | None]:
    """Name, usable memory in bytes and source of the GPU; one more input for another GPU."""
    name = GPU.show()
    if name == OTHER_GPU:
        memory_gb = GPU_MEMORY.show()
        return f"{memory_gb:g} GB GPU", round(memory_gb * units.GB), None
    device = next(device for device in devices() if device.name == name)
    source = "; ".join(filter(None, (device.citation, device.usable_source)))
    return name, device.usable_bytes, source


def _n_gpus_control(models: Mapping[str, ModelConfig], engine: EngineName) -> int:
    """The number of GPUs, among those that can split the heads of every variant."""
    return Slider(
        key=N_GPUS,
        label="GPUs (tensor parallel)",
        options=tp_sizes(models.values(), engine),
        default=1,
        help="One copy of the model is split over this many GPUs. Numbers that cannot split the "
        "heads are not offered.",
    ).show()
