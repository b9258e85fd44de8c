"""Generate and growth records that follow theory exactly, for tests of the code that reads them."""

from msgspec import structs

from gqa_core.configs import GroupedConfig
from gqa_core.engine.layer import PHASES
from gqa_core.records.header import Device, RunHeader
from gqa_core.records.kinds.generate import (
    GenerateMeasurement,
    GenerateRecord,
    PhaseSamples,
    PhaseTotals,
)
from gqa_core.records.kinds.growth import (
    AppendSamples,
    AppendTotals,
    GrowthMeasurement,
    GrowthRecord,
)
from gqa_core.records.memory import Memory
from gqa_core.records.specs.generate import GenerateSpec
from gqa_core.records.specs.generation import generation_specs

LAYER = GroupedConfig(n_heads=2, n_kv_heads=2, head_dim=16)
POWER = {("cached", "attend"): 1, ("recomputed", "attend"): 2, ("recomputed", "project"): 1}
COMMON = {
    "torch_version": "2.13.0",
    "device": Device(type="cpu", name="A CPU", n_threads=1),
    "n_warmup": 16,
    "peak_was_reset": True,
}


def records(attention=LAYER, context_lens=(16, 32, 64), cached_context_lens=(128,), **changed):
    """One record per mode and policy: steps of n^p us, totals of n^(p + 1) us, by theory's p."""
    specs = generation_specs(
        attention=attention,
        context_lens=context_lens,
        cached_context_lens=cached_context_lens,
        n_layers=2,
    )
    run = RunHeader(run_id="run-1", git_commit=None)
    return [structs.replace(_record(spec, run, i), **changed) for i, spec in enumerate(specs)]


def _record(spec, run, index):
    if isinstance(spec, GenerateSpec):
        return GenerateRecord.from_measurement(spec, _generated(spec), run, index)
    return GrowthRecord.from_measurement(spec, _grown(spec), run, index)


def _generated(spec):
    lengths = spec.context_lens
    power = {phase: POWER.get((spec.mode, phase), 0) for phase in PHASES}
    return GenerateMeasurement(
        **COMMON,
        kernel_ran="matmul",
        samples_s=PhaseSamples(**{p: _samples(lengths, power[p]) for p in PHASES}),
        totals_s=PhaseTotals(**{p: _totals(lengths, power[p]) for p in PHASES}),
        outputs=((0.5, -1.0, 0.25, 1.5),) * len(lengths),
        memory=_memory(spec, spec.formula_bytes),
    )


def _grown(spec):
    lengths = spec.context_lens
    return GrowthMeasurement(
        **COMMON,
        samples_s=AppendSamples(append=_samples(lengths, 0)),
        totals_s=AppendTotals(append=_totals(lengths, 0)),
        allocated_bytes=tuple(spec.allocated_bytes(n) for n in lengths),
        worst_waste_bytes=spec.worst_waste_bytes,
        memory=_memory(spec, spec.allocated_bytes(lengths[-1])),
    )


def _samples(lengths, power):
    return tuple((1e-6 * n**power,) * 3 for n in lengths)


def _totals(lengths, power):
    return tuple(1e-6 * n ** (power + 1) for n in lengths)


def _memory(spec, tensor_bytes):
    return Memory(
        formula_bytes=spec.formula_bytes,
        tensor_bytes=tensor_bytes,
        padding_bytes=0,
        allocator_peak_bytes=None,
        process_peak_bytes=120_000,
        baseline_bytes=100_000,
    )
