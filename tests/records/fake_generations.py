"""Records of generations and growing caches that follow theory exactly, for tests of readers."""

from gqa_core.configs import GroupedConfig
from gqa_core.engine.layer import PHASES
from gqa_core.records.generate_record import generation_tasks

LAYER = GroupedConfig(n_heads=2, n_kv_heads=2, head_dim=16)
POWER = {("cached", "attend"): 1, ("recomputed", "attend"): 2, ("recomputed", "project"): 1}


def records(attention=LAYER, context_lens=(16, 32, 64), cached_context_lens=(128,), **changed):
    """One record a way and policy: steps of n^p us, totals of n^(p + 1) us, by theory's p."""
    tasks = generation_tasks(
        attention=attention,
        context_lens=context_lens,
        cached_context_lens=cached_context_lens,
        n_layers=2,
    )
    found = []
    for index, (kind, point) in enumerate(tasks):
        header = {"run_id": "run-1", "point": index, "git_commit": None}
        found.append(kind.record(point, _measured(point), header) | changed)
    return found


def held(point, context_len):
    grows = hasattr(point, "policy")
    return point.allocated_bytes(context_len) if grows else point.formula_bytes


def _measured(point):
    phases = PHASES if hasattr(point, "mode") else ("append",)
    power = {phase: POWER.get((getattr(point, "mode", None), phase), 0) for phase in phases}
    lengths = point.context_lens
    return {
        "torch_version": "2.13.0",
        "device": {"type": "cpu", "name": "A CPU", "n_threads": 1},
        "kernel_ran": "matmul",
        "n_warmup": 16,
        "samples_s": {p: [[1e-6 * n ** power[p]] * 3 for n in lengths] for p in phases},
        "totals_s": {p: [1e-6 * n ** (power[p] + 1) for n in lengths] for p in phases},
        "outputs": [[0.5, -1.0, 0.25, 1.5]] * len(lengths),
        "held_bytes": [held(point, n) for n in lengths],
        "worst_waste_bytes": getattr(point, "worst_waste_bytes", None),
        "memory": {
            "formula_bytes": point.formula_bytes,
            "tensor_bytes": held(point, lengths[-1]),
            "allocator_peak_bytes": None,
            "process_peak_bytes": 120_000,
            "baseline_bytes": 100_000,
        },
        "peak_was_reset": True,
    }
